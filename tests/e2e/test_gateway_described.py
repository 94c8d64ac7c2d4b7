"""The guide's recipes for Envoy and Traefik, by what their sources do with them: described.py."""
import unittest

from agent import AssayTest
from behind import IDENTITY
from described import Envoy, Traefik, parsed
from test_gateway_recipes import Recipes
from test_http import needs_http


class DescribedRecipes(Recipes):
    def send(self, place, method, target, headers, host=None, token=None):
        pairs = [tuple(header.split(": ", 1)) for header in headers] + ([("Authorization", f"Bearer {token}")] if token else [])
        got = self.gateway.through(place, method, target, pairs, host or "localhost")
        return [got] if isinstance(got, dict) else []

    def send_trailers(self, place, token):
        return []  # neither passes them

    set_by_agent = tuple(name.lower() for name in IDENTITY)  # its answer has them all, always

    def test_answers(self):
        for token, method, target, expected in ((None, "GET", "/orders", 401), (self.key.token(), "DELETE", "/orders", 403),
                                                (self.key.token(exp=1), "GET", "/orders", 401)):
            headers = [("Authorization", f"Bearer {token}")] if token else []
            self.assertEqual(self.gateway.through(self.gateway.place, method, target, headers, "shop.example"), expected)
        got = self.gateway.through(self.gateway.place, "GET", "/health", [], "shop.example")
        self.assertEqual({value for name, value in got["headers"] if name.lower().startswith(("x-user", "x-auth"))}, {""})

    def test_websockets(self):
        for values in (["websocket"], ["WebSocket"]):
            headers = ["Connection: keep-alive, Upgrade, X-User-Role", *(f"Upgrade: {value}" for value in values)]
            got, = self.send(self.gateway.place, "GET", "/orders", headers, token=self.key.token(role="user", scope="x"))
            self.assertEqual(self.wrong(got), [])
            self.assertIn(("upgrade", "websocket"), [(name.lower(), value) for name, value in got["headers"]])

    def test_each_line_counts(self):
        recipe = self.gateway.place
        variants = {line.strip(): variant for line, variant in self.variants(recipe)}
        self.assertGreater(len(variants), 15)
        self.assertEqual([line for line, variant in variants.items() if next(self.all_wrong(variant), None) is None], [])

    def variants(self, recipe):
        lines = recipe.split("\n")
        for i, line in enumerate(lines):
            if self.protects(line):
                yield line, "\n".join(lines[:i] + lines[i + 1:])
        for old, new in self.weaker:
            self.assertIn(old, recipe)
            yield old, recipe.replace(old, new)

    def protects(self, line):
        return any(line.strip().startswith(start) for start in self.protecting) and not any(name in line.lower() for name in self.set_by_agent)


@needs_http
class WithEnvoy(DescribedRecipes, AssayTest):
    gateway_class = Envoy
    known = ("X-Forwarded-Host", "X-Forwarded-Port")  # the others it says itself
    refuses_underscores = True
    protecting = ("- remove: ", "normalize_path", 'headers:replace("')
    weaker = (('name:find("[^a-zA-Z0-9-]")', 'name:find("^$")'),)

    def test_what_it_reads(self):
        """Keys without which another line still protects, or whose names the tests do not try."""
        manager = parsed(Envoy.recipe())[0]["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
        self.assertEqual((manager["normalize_path"], manager["merge_slashes"], manager["path_with_escaped_slashes_action"]), (True, True, "REJECT_REQUEST"))
        self.assertEqual(manager["common_http_protocol_options"], {"headers_with_underscores_action": "REJECT_REQUEST"})
        authz, = (each["typed_config"] for each in manager["http_filters"] if each["name"].endswith("ext_authz"))
        self.assertIs(authz["failure_mode_allow"], False)
        self.assertEqual([each["name"].split(".")[-1] for each in manager["http_filters"]], ["lua", "header_mutation", "ext_authz", "router"])


@needs_http
class WithTraefik(DescribedRecipes, AssayTest):
    gateway_class = Traefik
    known = ()  # it says all of them itself
    protecting = ("X-", "HTTP2-Settings", "aliasHeadersStrategy", 'Connection: ""')
    weaker = (("authResponseHeaders: [X-User-Id, ", "authResponseHeaders: ["),)

    def test_what_it_reads(self):
        """Keys without which another line still protects, or whose versions the tests do not try."""
        static, dynamic = parsed(Traefik.recipe())
        self.assertIs(dynamic["http"]["middlewares"]["assay"]["forwardAuth"]["trustForwardHeader"], False)
        self.assertEqual(set(static["entryPoints"]["web"]["http"]["encodedCharacters"].values()), {False})


if __name__ == "__main__":
    unittest.main()
