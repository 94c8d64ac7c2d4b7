// One application by many frameworks: each answers which of its routes ran, and with what. `node node.mjs FRAMEWORK PORT FOLDER-OF-PACKAGES`
import { createRequire } from "node:module";
import http from "node:http";
import url from "node:url";

const [framework, port, folder] = process.argv.slice(2);
const load = createRequire(folder + "/package.json");
const listen = (handler) => http.createServer(handler).listen(port, "127.0.0.1");
const say = (route, ...args) => JSON.stringify({ route, args });

// What programs do that read the path by hand.
function byHand(pathname) {
    const [first, ...rest] = pathname.replace(/^\//, "").replace(/\/$/, "").split("/").map(decodeURIComponent);
    if (first === "products" && rest.length < 2) return rest.length ? say("product", rest[0]) : say("products");
    if (first === "users" && rest[1] === "orders" && rest.length < 4) return rest.length === 2 ? say("orders", rest[0]) : say("order", rest[0], rest[2]);
    if (first === "files") return say("file", rest.join("/"));
    return say(first === "admin" ? "admin" : "other", rest.join("/"));
}

function raw(read) {
    listen((request, response) => {
        let body;
        try { body = byHand(read(request)); } catch { response.statusCode = 400; body = "{}"; }
        response.setHeader("Content-Length", Buffer.byteLength(body));
        response.end(body);
    });
}

function express(name) {
    const express = load(name), app = express(), products = express.Router(), users = express.Router();
    const answer = (route, ...names) => (request, response) => response.send(say(route, ...names.map((n) => [].concat(request.params[n]).join("/"))));
    products.get("/", answer("products"));
    products.get("/:id", answer("product", "id"));
    users.get("/:name/orders", answer("orders", "name"));
    users.get("/:name/orders/:id", answer("order", "name", "id"));
    app.use("/products", products);
    app.use("/users", users);
    app.get(name === "express" ? "/files/*rest" : "/files/*", answer("file", name === "express" ? "rest" : 0));
    app.use("/admin", (request, response) => response.send(say("admin", request.path)));
    app.use((request, response) => response.send(say("other", request.path)));
    app.use((error, request, response, next) => response.status(400).send("{}"));
    listen(app);
}

const routes = (files) => [["/products", "products"], ["/products/:id", "product", "id"], ["/users/:name/orders", "orders", "name"],
    ["/users/:name/orders/:id", "order", "name", "id"], ["/files/" + files[0], "file", files[1]], ["/admin", "admin"],
    ["/admin/" + files[0], "admin", files[1]]];

const frameworks = {
    url: () => raw((request) => new URL(request.url, "http://localhost").pathname),
    "url.parse": () => raw((request) => url.parse(request.url).pathname),
    express: () => express("express"),
    express4: () => express("express4"),
    koa: () => {
        const Koa = load("koa"), Router = load("@koa/router"), app = new Koa(), router = new (Router.default ?? Router)();
        for (const [path, route, ...names] of routes(["{*rest}", "rest"]))
            router.get(path, (context) => { context.body = say(route, ...names.map((n) => [].concat(context.params[n] ?? "").join("/"))); });
        app.silent = true;
        listen(app.use(router.routes()).callback());
    },
    fastify: () => {
        const app = load("fastify")({ routerOptions: { ignoreTrailingSlash: true } });
        for (const [path, route, ...names] of routes(["*", "*"]))
            app.get(path, async (request) => say(route, ...names.map((n) => request.params[n])));
        app.listen({ port, host: "127.0.0.1" });
    },
    hapi: () => {
        const server = load("@hapi/hapi").server({ port, host: "127.0.0.1", router: { stripTrailingSlash: true } });
        for (const [path, route, ...names] of routes(["{rest*}", "rest"]))
            server.route({ method: "GET", path: path.replace(/:(\w+)/g, "{$1}"), handler: (request) => say(route, ...names.map((n) => request.params[n] ?? "")) });
        server.start();
    },
    hono: () => {
        const { Hono } = load("hono"), app = new Hono({ strict: false });
        for (const [path, route, ...names] of routes(["*", ""]))
            app.get(path, (context) => context.body(say(route, ...names.map((n) => n ? context.req.param(n)
                : context.req.path.split("/").slice(2).map(decodeURIComponent).join("/")))));
        load("@hono/node-server").serve({ fetch: app.fetch, port, hostname: "127.0.0.1" });
    },
};

frameworks[framework]();
