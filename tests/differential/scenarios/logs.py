"""The logger of an application, and what is written to it."""

import io
import logging

from tests.differential.harness import scenario


@scenario
def its_name(fw):
    app = fw.App("shop")
    fw.observe(name=app.logger.name, same=app.logger is logging.getLogger("shop"))


@scenario(each={"debug": True, "not": False})
def its_level(fw, debug):
    app = fw.App("shop")
    app.debug = debug
    fw.observe(level=logging.getLevelName(app.logger.level), debug=app.logger.isEnabledFor(10))


@scenario
def a_level_that_is_set_stays(fw):
    logging.getLogger("shop").setLevel(logging.ERROR)
    app = fw.App("shop")
    app.debug = True
    fw.observe(level=logging.getLevelName(app.logger.level))


@scenario(each={"nothing": 0, "on the root": 1, "on its own": 2, "too high a level": 3})
def when_it_gets_a_handler(fw, case):
    root, own = logging.getLogger(), logging.getLogger("shop")
    root.handlers[:] = []
    handler = logging.NullHandler()
    if case == 1:
        root.addHandler(handler)
    elif case == 2:
        own.addHandler(handler)
    elif case == 3:
        handler.setLevel(logging.CRITICAL)
        root.addHandler(handler)
    log = fw.module("logging")
    app = fw.App("shop")
    fw.observe(default=log.default_handler in app.logger.handlers)
    fw.observe(has=log.has_level_handler(app.logger))


@scenario
def a_configuration_before_the_first_use(fw):
    logging.getLogger("shop").addHandler(logging.NullHandler())
    app = fw.App("shop")
    fw.observe(handlers=len(app.logger.handlers))


@scenario
def the_form_of_a_line(fw):
    log = fw.module("logging")
    record = logging.makeLogRecord(
        {"msg": "hello", "levelname": "INFO", "module": "views", "created": 0}
    )
    line = log.default_handler.format(record)
    fw.observe(line=line.partition("] ")[2], start=line[0])


@scenario
def lines_go_to_the_servers_stream(fw):
    log = fw.module("logging")
    app, stream = fw.App(__name__), io.StringIO()
    with app.test_request_context(errors_stream=stream):
        log.wsgi_errors_stream.write("to the server")
    fw.observe(written=stream.getvalue())


@scenario
def an_error_of_a_view(fw):
    app = fw.App("shop")
    app.add_url_rule("/<path:p>", "fail", lambda p: 1 / 0, methods=["GET", "POST"])
    client = fw.client(app)
    client.get("/a/b?q=1")
    client.post("/%0Aforged")


@scenario
def log_exception_of_ones_own(fw):
    log = []

    class Own(fw.App):
        def log_exception(self, exc_info):
            log.append([exc_info[0].__name__, str(exc_info[1]), exc_info[2] is not None])

    app = Own("shop")
    app.add_url_rule("/", "fail", lambda: 1 / 0)
    fw.client(app).get("/")
    fw.observe(log=log)


@scenario
def lines_of_the_program(fw):
    app = fw.App("shop")

    @app.get("/")
    def index():
        app.logger.warning("asked for %s", fw.request.path)
        return ""

    fw.client(app).get("/")
