"""The same application by Python's frameworks. `python3 python.py FRAMEWORK PORT`"""
import json
import logging
import sys

ROUTES = (("products", "products"), ("products/<id>", "product", "id"), ("users/<name>/orders", "orders", "name"),
          ("users/<name>/orders/<id>", "order", "name", "id"), ("files/<path:rest>", "file", "rest"), ("admin", "admin"),
          ("admin/<path:rest>", "admin", "rest"))


def say(route, *args):
    return json.dumps({"route": route, "args": args})


def flask(port):
    from flask import Flask
    from werkzeug.serving import WSGIRequestHandler

    class Handler(WSGIRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

    app = Flask(__name__)
    for path, route, *names in ROUTES:
        app.add_url_rule("/" + path, route + path, lambda route=route, names=names, **got: say(route, *(got[name] for name in names)),
                         strict_slashes=False)
    logging.getLogger("werkzeug").disabled = True
    app.run("127.0.0.1", port, threaded=True, request_handler=Handler)


def django(port):
    import django
    from django.conf import settings
    from django.core.wsgi import get_wsgi_application
    from django.http import HttpResponse
    from django.urls import path as url
    from werkzeug.serving import WSGIRequestHandler, make_server

    class Handler(WSGIRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

    class urls:
        urlpatterns = [url(path.replace("<name>", "<str:name>").replace("<id>", "<str:id>") + end,
                           lambda request, route=route, names=names, **got: HttpResponse(say(route, *(got[name] for name in names))))
                       for path, route, *names in ROUTES for end in ("", "/")]
    settings.configure(ROOT_URLCONF=urls, ALLOWED_HOSTS=["*"], SECRET_KEY="x", APPEND_SLASH=False, LOGGING_CONFIG=None)
    django.setup()
    logging.getLogger("werkzeug").disabled = True
    make_server("127.0.0.1", port, get_wsgi_application(), threaded=True, request_handler=Handler).serve_forever()


def tornado(port):
    import asyncio
    from tornado.web import Application, RequestHandler

    class Answer(RequestHandler):
        def initialize(self, route):
            self.route = route

        def get(self, *args):
            self.finish(say(self.route, *(arg or "" for arg in args)))

    async def serve():
        patterns = ((path.replace("<path:rest>", "(.*)").replace("<name>", "([^/]+)").replace("<id>", "([^/]+)"), route) for path, route, *_ in ROUTES)
        Application([("/" + pattern + "/?", Answer, {"route": route}) for pattern, route in patterns],
                    log_function=lambda handler: None).listen(port, "127.0.0.1")
        await asyncio.Event().wait()
    asyncio.run(serve())


def aiohttp(port):
    from aiohttp import web

    def answer(route, names):
        async def handler(request):
            return web.Response(text=say(route, *(request.match_info[name] for name in names)))
        return handler

    app = web.Application()
    for path, route, *names in ROUTES:
        pattern = "/" + path.replace("<path:rest>", "{rest:.*}").replace("<", "{").replace(">", "}")
        for end in ("", "/"):
            app.router.add_get(pattern + end, answer(route, names))
    web.run_app(app, host="127.0.0.1", port=port, print=None, access_log=None)


def starlette(port):
    import uvicorn
    from starlette.applications import Starlette
    from starlette.responses import Response
    from starlette.routing import Route

    def answer(route, names):
        return lambda request: Response(say(route, *(request.path_params[name] for name in names)))

    routes = [Route("/" + path.replace("<path:rest>", "{rest:path}").replace("<", "{").replace(">", "}") + end, answer(route, names))
              for path, route, *names in ROUTES for end in ("", "/")]
    uvicorn.run(Starlette(routes=routes), host="127.0.0.1", port=port, log_level="critical")


def files(port):
    from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

    class Handler(SimpleHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def log_message(self, *_):
            pass
    ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()


globals()[sys.argv[1]](int(sys.argv[2]))
