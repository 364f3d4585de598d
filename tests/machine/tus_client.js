// Uploads a file with tus-js-client, and ends with 0 when the server has all of it.
// node tus_client.js URL FILE NAME '{"protocol": "tus-v1", ...}'
const fs = require("node:fs");
const tus = require("tus-js-client");

const [endpoint, path, filename, options] = process.argv.slice(2);
const upload = new tus.Upload(fs.readFileSync(path), {
  endpoint,
  metadata: { filename },
  retryDelays: Array(600).fill(100),
  onError: (error) => {
    console.error(String(error));
    process.exit(1);
  },
  onSuccess: () => process.exit(0),
  ...JSON.parse(options),
});
upload.start();
