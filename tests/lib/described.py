"""A model of Envoy and Traefik, which Debian does not package. It does with the guide's configurations what their sources do, as far as that concerns
the identity headers of a client and the request to the agent: Envoy's source/extensions/filters/common/ext_authz and its connection manager,
Traefik's pkg/middlewares/auth/forward.go and headers/header.go, and Go's httputil.ReverseProxy behind it."""
import functools
import re

import yaml

from gateway import block, blocks
from http_client import Http

HOPS = ("connection", "proxy-connection", "keep-alive", "te", "transfer-encoding", "upgrade")


class Described:
    """A gateway's configuration, and what gets through it. Where a test has variants, each is a place."""
    program = section = None

    def __init__(self, folder, http_socket, app, variants=None):
        self.http_socket, self.places = http_socket, variants or [self.recipe()]
        self.place = self.places[0]

    @classmethod
    def recipe(cls):
        raise NotImplementedError

    def start(self):
        return self

    def stop(self):
        pass

    def log(self):
        return ""

    def ask(self, method, target, *headers, host):
        with Http(self.http_socket) as http:
            return http.ask(method, target, *headers, host=host, body="" if method == "POST" else None)

    def through(self, recipe, method, target, headers, host):
        """The request that the application gets, or the status that the client gets."""
        raise NotImplementedError


@functools.lru_cache
def parsed(recipe):
    return list(yaml.safe_load_all(recipe))


def without(headers, *names):
    return [(name, value) for name, value in headers if name.lower() not in {other.lower() for other in names}]


def values(headers, name):
    return [value for key, value in headers if key.lower() == name.lower()]


def normalised(target):
    """Traefik's sanitizing and Envoy's `normalize_path`: an escape that need not be is none, and what must be escaped is."""
    path, *query = target.split("?", 1)
    path = re.sub("%([0-9A-Fa-f]{2})", lambda found: (lambda c: c if re.match("[A-Za-z0-9._~-]", c) else found[0])(chr(int(found[1], 16))), path)
    return "?".join([re.sub("[^!-~]", lambda found: f"%{ord(found[0]):02X}", path), *query])


def listed(headers):
    return [part.strip().lower() for value in values(headers, "connection") for part in value.split(",")]


class Envoy(Described):
    program = section = "Envoy"

    @classmethod
    def recipe(cls):
        return block("Envoy", "yaml")

    def through(self, recipe, method, target, headers, host):
        manager = parsed(recipe)[0]["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
        if manager.get("common_http_protocol_options", {}).get("headers_with_underscores_action") == "REJECT_REQUEST":
            if any("_" in name for name, _ in headers):
                return 400
        path = target.split("?")[0]
        if not path.startswith("/") or "#" in target:
            return 400
        if re.search("%(2f|5c)", path, re.I) and manager.get("path_with_escaped_slashes_action") == "REJECT_REQUEST":
            return 400
        if "upgrade" in listed(headers) and values(headers, "upgrade"):
            if values(headers, "upgrade") == ["h2c"]:  # the codec
                headers = without(headers, "upgrade", "http2-settings", "connection")
            elif values(headers, "upgrade")[0].lower() not in [each["upgrade_type"] for each in manager.get("upgrade_configs", [])]:
                return 403
        else:
            headers = without(headers, *listed(headers), *HOPS)
        if manager.get("normalize_path"):
            target = normalised(target)
        for each in manager["http_filters"]:
            headers = self.filtered(each["name"].split(".")[-1], each["typed_config"], method, target, headers, host)
            if isinstance(headers, int):
                return headers
        return {"method": method, "target": target, "headers": headers}

    def filtered(self, name, config, method, target, headers, host):
        if name == "lua":
            code = config["default_source_code"]["inline_string"]
            odd = re.search(r'name:find\("(.*)"\)', code)
            headers = [(name, value) for name, value in headers if not (odd and re.search(odd[1], name))]
            if values(headers, "upgrade"):
                for name, value in re.findall(r'headers:replace\("(.*)", "(.*)"\)', code):
                    headers = without(headers, name) + [(name, value)]
        elif name == "header_mutation":
            headers = without(headers, *(each["remove"] for each in config["mutations"]["request_mutations"]))
        elif name == "ext_authz":
            service = config["http_service"]
            answer = self.ask(method, service["path_prefix"] + target, "content-length: 0", "x-envoy-internal: true", "x-forwarded-for: 127.0.0.1",
                              "x-envoy-expected-rq-timeout-ms: 6000", *(f"authorization: {value}" for value in values(headers, "authorization")), host=host)
            if answer.status != 200:
                return 403 if answer.status >= 500 else answer.status
            for pattern in service["authorization_response"]["allowed_upstream_headers"]["patterns"]:
                if answer.all(pattern["exact"]):
                    headers = without(headers, pattern["exact"]) + [(pattern["exact"], answer[pattern["exact"]])]
        return headers


class Traefik(Described):
    """Its two files, one behind the other."""
    program = section = "Traefik"

    @classmethod
    def recipe(cls):
        return "---\n".join(blocks("Traefik", "yaml"))

    def through(self, recipe, method, target, headers, host):
        static, dynamic = parsed(recipe)
        target = normalised(target)
        if not target.startswith("/"):
            return 400
        if static["entryPoints"]["web"]["http"].get("aliasHeadersStrategy") == "delete":
            headers = [(name, value) for name, value in headers if re.fullmatch("[A-Za-z0-9-]+", name)]
        routers = sorted(dynamic["http"]["routers"].values(), key=lambda router: -router["priority"])
        router = next(router for router in routers if self.is_for(router["rule"], headers))
        for name in router["middlewares"]:
            middleware = dynamic["http"]["middlewares"][name]
            for key, value in middleware.get("headers", {}).get("customRequestHeaders", {}).items():
                headers = without(headers, key) + ([(key, value)] if value else [])
            if "forwardAuth" in middleware:
                headers = self.forward(middleware["forwardAuth"], method, target, headers, host)
                if isinstance(headers, int):
                    return headers
        upgrade = values(headers, "upgrade")[:1] if "upgrade" in listed(headers) else []
        headers = without(headers, *listed(headers), *HOPS)
        if upgrade:
            headers += [("Connection", "Upgrade"), ("Upgrade", upgrade[0])]
        return {"method": method, "target": target, "headers": headers}

    @staticmethod
    def is_for(rule, headers):
        of_header = re.fullmatch(r"HeaderRegexp\(`(.*)`, `(.*)`\)", rule)
        return any(re.search(of_header[2], value) for value in values(headers, of_header[1])) if of_header else rule == "PathPrefix(`/`)"

    def forward(self, config, method, target, headers, host):
        asked = [f"{name}: {value}" for name in config.get("authRequestHeaders", []) for value in values(headers, name)]
        for name, value in (("X-Forwarded-For", "127.0.0.1"), ("X-Forwarded-Method", method), ("X-Forwarded-Proto", "http"),
                            ("X-Forwarded-Host", host), ("X-Forwarded-Uri", target)):
            client = values(headers, name) if config.get("trustForwardHeader") else []
            asked.append(f"{name}: {(client or [value])[0]}")
        address, path = re.fullmatch("http://([^/]*)(/.*)", config["address"]).groups()
        answer = self.ask("GET", path, *asked, "User-Agent: Go-http-client/1.1", "Accept-Encoding: gzip", host=address)
        if not 200 <= answer.status < 300:
            return answer.status
        for name in config["authResponseHeaders"]:
            headers = without(headers, name) + [(name, value) for value in answer.all(name)]
        return headers
