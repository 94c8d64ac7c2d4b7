<?php
// The same application by PHP: by the target, or, where a server hands one over, by the path behind the script's name.
function say($route, ...$args) { echo json_encode(["route" => $route, "args" => $args], JSON_INVALID_UTF8_SUBSTITUTE); exit; }

if (getenv("ROUTE_BY") === "PATH_INFO")
    $path = $_SERVER["PATH_INFO"] ?? "/";
else
    $path = parse_url($_SERVER["REQUEST_URI"], PHP_URL_PATH);
if (!is_string($path)) { http_response_code(400); exit("{}"); }
$parts = explode("/", trim($path, "/"));
if (getenv("ROUTE_BY") !== "PATH_INFO") $parts = array_map("rawurldecode", $parts);
$first = array_shift($parts);
header("Content-Type: application/json");
if ($first === "products" && count($parts) === 0) say("products");
if ($first === "products" && count($parts) === 1) say("product", $parts[0]);
if ($first === "users" && count($parts) === 2 && $parts[1] === "orders") say("orders", $parts[0]);
if ($first === "users" && count($parts) === 3 && $parts[1] === "orders") say("order", $parts[0], $parts[2]);
if ($first === "files") say("file", implode("/", $parts));
say($first === "admin" ? "admin" : "other", implode("/", $parts));
