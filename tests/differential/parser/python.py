"""Reads requests as Python servers do: json, orjson, Starlette with python-multipart, Werkzeug,
Django, and cgi on versions that still have it. Batches are split by email and python-multipart,
and http.client reads their parts."""

import base64
import email
import http.client
import io
import json
import logging
import re
import sys
import warnings
from urllib.parse import parse_qsl, unquote, unquote_to_bytes

import orjson
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request as StarletteRequest
from starlette.routing import Route, Router, Match
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request as WerkzeugRequest
from django.conf import settings
from django.core.handlers.wsgi import WSGIRequest

warnings.simplefilter("ignore")
logging.disable()
try:
    import cgi
except ImportError:
    cgi = None

settings.configure(DATA_UPLOAD_MAX_NUMBER_FIELDS=None, DEFAULT_CHARSET="utf-8", ALLOWED_HOSTS=["*"])


class ParserResult:
    """The results of one request. result.mjs describes the locations in `locations`."""

    def __init__(self, locations):
        self.locations = locations
        self.reads = []
        self.rejects = []
        self.routes = []
        self.nested = []

    def note(self, parser, text):
        # A lone surrogate has no UTF-8 form.
        self.reads.append([parser, text.encode("utf-8", "replace").decode("utf-8")])

    def document(self, parser, parse):
        try:
            value = parse()
        except Exception:
            self.rejects.append(parser)
            return
        for location in self.locations:
            outer, _, inner = location.partition("~")
            if inner:
                self.coded(parser, value, outer.split("/"), inner)
            elif "#" not in location and "!" not in location:
                self.at(parser, value, location.split("/"))

    def coded(self, parser, value, keys, inner):
        for key in keys:
            value = value.get(key) if isinstance(value, dict) else None
        if isinstance(value, dict):
            self.at(parser, value, inner.split("/"))
        if not isinstance(value, str):
            return
        for name, decode in DECODERS.items():
            try:
                self.at(f"{parser}-{name}", json.loads(decode(value)), inner.split("/"))
            except Exception:
                self.rejects.append(name)

    def fields(self, parser, fields):
        batch = any(name == "purpose" and text(value).strip() == "batch" for name, value, _ in fields)
        for location in self.locations:
            if "~" in location:
                continue
            field, kind, rest = re.match(r"([^#!]+)(?:([#!])(.*))?$", location).groups()
            first, *deeper = field.replace("/*", "/").split("/")
            name = first + "".join(f"[{part}]" for part in deeper)
            names = [name] if deeper else [name, name + "[]"]
            for found, value, _ in fields:
                if found not in names:
                    continue
                if kind is None:
                    self.note(parser, text(value))
                elif kind == "!":
                    self.nested(parser, value, rest)
                elif batch:
                    for line in value.splitlines():
                        self.nested(parser, line, rest)

    def query(self, parser, parse):
        try:
            pairs = list(parse())
        except Exception:
            self.rejects.append(parser + "-query")
            return
        for name, value in pairs:
            if name in ("model", "model[]"):
                self.note(parser + "-query", value)

    def nested(self, parser, value, location):
        try:
            self.at(parser, json.loads(value), location.split("/"))
        except Exception:
            pass

    def at(self, parser, value, keys):
        if not keys:
            if isinstance(value, str):
                self.note(parser, value)
        elif keys[0] == "*":
            for one in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
                self.at(parser, one, keys[1:])
        elif isinstance(value, dict) and keys[0] in value:
            self.at(parser, value[keys[0]], keys[1:])


# `lenient` is the default of Python's standard library, `protobuf` the decoder of protobuf.
DECODERS = {
    "b64-python": lambda text: base64.b64decode(text, validate=True),
    "b64-python-lenient": base64.b64decode,
    "b64-python-url": base64.urlsafe_b64decode,
    "b64-protobuf": lambda text: base64.urlsafe_b64decode(text.encode() + b"=" * (4 - len(text) % 4)),
}


def text(value):
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def driven(coroutine):
    """Runs a coroutine that never waits, since the whole body is available."""
    try:
        while True:
            coroutine.send(None)
    except StopIteration as end:
        return end.value


def litellm(body):
    """`_read_request_body` of LiteLLM's proxy: orjson, then json without lone surrogates."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        repaired = re.sub(r"[\uD800-\uDBFF](?![\uDC00-\uDFFF])", "", body.decode("utf-8"))
        repaired = re.sub(r"(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]", "", repaired)
        return json.loads(repaired)


def starlette_form(scope, body):
    sent = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def receive():
        return next(sent, {"type": "http.disconnect"})

    async def form():
        fields = []
        for name, value in (await StarletteRequest(scope, receive).form()).multi_items():
            fields.append((name, value if isinstance(value, str) else value.file.read(), not isinstance(value, str)))
        return fields

    return driven(form())


def werkzeug_form(environ):
    request = WerkzeugRequest(environ)
    fields = [(name, value, False) for name, value in request.form.items(multi=True)]
    return fields + [(name, file.read(), True) for name, file in request.files.items(multi=True)]


def django_form(environ):
    request = WSGIRequest(environ)
    fields = [(name, value, False) for name, values in request.POST.lists() for value in values]
    return fields + [(name, file.read(), True) for name, files in request.FILES.lists() for file in files]


def cgi_form(environ):
    storage = cgi.FieldStorage(fp=environ["wsgi.input"], environ=environ, keep_blank_values=True)
    return [(item.name or "", item.value, item.filename is not None) for item in storage.list or []]


def spoken(content):
    """Reads the request in a part twice if it has a length: with the rest of the part as its body, and
    with a body of that length."""
    file = io.BytesIO(content)
    line = file.readline()
    words = line.decode("latin-1").split()
    if not 2 <= len(words) <= 3:
        raise ValueError("no request line")
    headers = http.client.parse_headers(file)
    if headers.defects:
        raise ValueError("defects")
    rest = file.read()
    found = [rest]
    if headers["content-length"] is not None:
        by_length = rest[: int(headers["content-length"])]
        if by_length != rest.rstrip(b"\r\n") and by_length != rest:
            found.append(by_length)
    return [
        {"method": words[0], "target": words[1], "headers": [[name, value] for name, value in headers.items()], "body": base64.b64encode(body).decode()}
        for body in found
    ]


def email_parts(kind, body):
    message = email.message_from_bytes(b"MIME-Version: 1.0\r\nContent-Type: " + kind.encode("latin-1", "replace") + b"\r\n\r\n" + body)
    if not message.is_multipart() or message.defects:
        raise ValueError("no multipart")
    parts = []
    for part in message.get_payload():
        if part.defects:
            raise ValueError("defects")
        payload = part.get_payload(decode=True)
        if payload is not None:
            parts.append(payload)
    return parts


def python_multipart_parts(kind, body):
    parts = []
    parser = MultipartParser(
        parse_options_header(kind)[1][b"boundary"],
        {
            "on_part_begin": lambda: parts.append(b""),
            "on_part_data": lambda data, start, end: parts.append(parts.pop() + data[start:end]),
        },
    )
    parser.write(body)
    parser.finalize()
    return parts


class Routes:
    """Routes paths by the operations, with the routers of Werkzeug and Starlette."""

    def __init__(self, operations):
        rules, routes = [], []
        for operation in operations:
            path = operation["path"]
            rules.append(Rule(re.sub(r"{(\w+)\.\.\.}", r"<path:\1>", re.sub(r"{(\w+)}", r"<\1>", path)), endpoint=operation["id"]))
            routes.append(Route(re.sub(r"{(\w+)\.\.\.}", r"{\1:path}", path), endpoint=self, name=operation["id"]))
        self.map = Map(rules, strict_slashes=False, merge_slashes=True)
        self.map.redirect_defaults = False
        self.router = Router(routes)

    async def __call__(self, *_):
        pass

    def find(self, path):
        found = []
        adapter = self.map.bind("h")
        for slashes in (path, re.sub("//+", "/", path)):
            try:
                endpoint, values = adapter.match(slashes)
                found.append(["werkzeug-route", endpoint, list(values.values())])
            except Exception:
                pass
        scope = {"type": "http", "method": "GET", "path": path, "root_path": ""}
        for route in self.router.routes:
            match, child = route.matches(scope)
            if match != Match.NONE:
                found.append(["starlette-route", route.name, [str(value) for value in child["path_params"].values()]])
        return found


routes = None


def read(request):
    result = ParserResult(request["locations"])
    body = base64.b64decode(request["body"])
    path, _, query = request["target"].partition("?")
    decoded = unquote_to_bytes(path.encode("latin-1", "replace"))
    headers = [(name.lower(), value) for name, value in request["headers"]]
    types = [value for name, value in headers if name == "content-type"]
    environ = {
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "",
        "PATH_INFO": decoded.decode("latin-1"),
        "QUERY_STRING": query,
        "SERVER_NAME": "h",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "CONTENT_LENGTH": str(len(body)),
        "CONTENT_TYPE": types[0] if types else "",
    }
    for name, value in http.client.parse_headers(io.BytesIO("".join(f"{name}: {value}\r\n" for name, value in request["trailers"]).encode("latin-1", "replace") + b"\r\n")).items():
        if name.lower().replace("_", "-") == "x-model":
            result.note("python-trailer-header", value)
    for name, value in headers:
        key = "HTTP_" + name.upper().replace("-", "_")
        environ[key] = f"{environ[key]},{value}" if key in environ else value
    if "HTTP_X_MODEL" in environ:
        result.note("wsgi-header", environ["HTTP_X_MODEL"])
    for path in {decoded.decode("utf-8", "replace"), decoded.decode("latin-1"), unquote(decoded.decode("utf-8", "replace"))}:
        result.routes += routes.find(path)

    result.query("parse_qsl", lambda: parse_qsl(query, keep_blank_values=True))
    # The standard library until 3.9, and the W3C's recommendation.
    result.query("parse_qsl-semicolon", lambda: parse_qsl(query.replace(";", "&"), keep_blank_values=True))
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/",
        "query_string": query.encode("latin-1", "replace"),
        "headers": [(name.encode("latin-1", "replace"), value.encode("latin-1", "replace")) for name, value in headers],
    }
    result.query("starlette", lambda: StarletteRequest(scope).query_params.multi_items())
    result.query("werkzeug", lambda: WerkzeugRequest(environ).args.items(multi=True))
    if not body:
        return told(result)

    if request["container"]:
        for name, split in (("email", email_parts), ("python-multipart", python_multipart_parts)):
            try:
                result.nested.append([name, [one for part in split(types[0] if types else "", body) for one in spoken(part)]])
            except Exception:
                result.rejects.append(name)
    result.document("cpython", lambda: json.loads(body))
    result.document("orjson", lambda: orjson.loads(body))
    result.document("litellm", lambda: litellm(body))
    if any("form" in kind.lower() or "multipart" in kind.lower() for kind in types):
        forms = [("starlette", lambda: starlette_form(scope, body))]
        for name, form in (("werkzeug", werkzeug_form), ("django", django_form)) + ((("cgi", cgi_form),) if cgi else ()):
            forms.append((name, lambda form=form: form({**environ, "wsgi.input": io.BytesIO(body)})))
        for name, form in forms:
            try:
                result.fields(name, form())
            except Exception:
                result.rejects.append(name)
    return told(result)


def told(result):
    return {"reads": result.reads, "rejects": result.rejects, "routes": result.routes, "nested": result.nested}


for line in sys.stdin:
    request = json.loads(line)
    if "operations" in request:
        routes = Routes(request["operations"])
        answer = {"ready": True}
    else:
        answer = read(request)
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()
