"""A page with Uppy, whose files come in pieces or go to the object store.

``UPPY_BUNDLE`` is Uppy's own module for browsers; ``UPPY_PLACE`` is a folder, or a prefix and the
object store, as ``uploads_app`` takes them.
"""

import json
import os
from pathlib import Path

from cruse import Cruse, request, send_file
from cruse_uploads import ALL, Uploads
from tests.machine.uploads_app import make_storage

PAGE = """<!doctype html><title>Uppy</title>
<input type="file" id="file"><p id="state"></p>
<script type="module">
import { Uppy, Tus, XHRUpload } from "/uppy.mjs";

const uppy = new Uppy({ autoProceed: true });
if (location.hash === "#tus") {
  uppy.use(Tus, { endpoint: "/tus", retryDelays: Array(600).fill(100) });
} else {
  const post = async (url, told) => {
    const body = told && JSON.stringify(told);
    const headers = told ? { "Content-Type": "application/json" } : {};
    const response = await fetch(url, { method: "POST", body, headers });
    const answer = await response.json();
    if (!response.ok) throw new Error(answer.detail);
    return answer;
  };
  uppy.addPreProcessor((ids) => Promise.all(ids.map(async (id) => {
    const { name, size } = uppy.getFile(id);
    uppy.setFileMeta(id, { put: await post("/direct", { name, size }) });
  })));
  uppy.use(XHRUpload, {
    method: "PUT",
    formData: false,
    endpoint: (file) => file.meta.put.url,
    headers: (file) => file.meta.put.headers,
    getResponseData: () => ({}),
  });
  uppy.addPostProcessor((ids) => Promise.all(ids.map(
    (id) => post(uppy.getFile(id).meta.put.confirm),
  )));
}
const state = document.getElementById("state");
uppy.on("complete", ({ failed }) => { state.textContent = failed.length ? "failed" : "done"; });
uppy.on("error", (error) => { state.textContent = `failed: ${error.message}`; });
document.getElementById("file").addEventListener("change", (event) => {
  for (const data of event.target.files) uppy.addFile({ name: data.name, type: data.type, data });
});
state.textContent = "ready";
</script>
"""

uploads = Uploads(storage=lambda app: make_storage(*json.loads(os.environ["UPPY_PLACE"])))
# Read whole for a digest, a file of the store would come here after all.
files = uploads.set("files", allow=ALL, max_size="1 GB")
app = Cruse(__name__, extensions=[uploads], static_folder=None)
app.config["SECRET_KEY"] = "not a secret"


def authorize(upload):
    return upload.name != "forbidden.bin"


def note(stored, upload):
    with (Path(os.environ["UPPY_FOLDER"]) / "finished").open("a") as file:
        told = {"key": stored.key, "name": stored.name, "size": stored.size}
        file.write(json.dumps(told) + "\n")


@app.before_request
def note_what_comes_here():
    if request.method == "PUT":
        (Path(os.environ["UPPY_FOLDER"]) / "put").touch()


app.register_blueprint(files.resumable(authorize=authorize, on_finished=note), url_prefix="/tus")
app.register_blueprint(files.direct(authorize=authorize, on_finished=note), url_prefix="/direct")


@app.get("/")
def page():
    return PAGE


@app.get("/uppy.mjs")
def bundle():
    return send_file(os.environ["UPPY_BUNDLE"], mimetype="text/javascript")
