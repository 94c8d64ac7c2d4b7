"""nginx that asks the agent beside the same nginx that asks another nginx for a static 204, both over a Unix socket, and beside Apache with
mod_auth_openidc that verifies by itself, where that is installed; and a cached verify over HTTP beside a thousand slow clients.
$ASSAY_BUILD: the build folder; needs wrk and nginx."""
import datetime
import os
import re
import socket
import statistics
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from cryptography import x509  # noqa: E402
from cryptography.hazmat.primitives import hashes, serialization  # noqa: E402
from agent import Agent, Key, die_with_parent, put_file, running, wait_for  # noqa: E402
from gateway import free_port  # noqa: E402
from http_client import Http  # noqa: E402

ROUNDS, SECONDS, SLOW, TRIPS = 5, 2, 1000, 3000
POLICY = "version: 1\nrules:\n- {name: page, actions: [GET], resources: [/page]}\n"


def goal(name, value, unit, bound, limit):
    path = os.environ.get("ASSAY_BENCH_RESULTS")
    if path:
        with open(path, "a", encoding="utf-8") as file:
            file.write(f"{name}\t{value}\t{unit}\t{bound}\t{limit}\n")


def nginx(folder, servers):
    os.makedirs(folder, exist_ok=True)
    conf = os.path.join(folder, "nginx.conf")
    put_file(conf, f"""
        daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log; user root;
        events {{ worker_connections 2048; }}
        http {{
            access_log off; keepalive_requests 1000000;
            client_body_temp_path {folder}/1; proxy_temp_path {folder}/2; fastcgi_temp_path {folder}/3; uwsgi_temp_path {folder}/4;
            scgi_temp_path {folder}/5;
            {servers}
        }}""")
    process = subprocess.Popen(["/usr/sbin/nginx", "-c", conf, "-p", folder], preexec_fn=die_with_parent, stderr=subprocess.DEVNULL)
    running.append(process)
    return process


def asking(port, upstream, path):
    """The page, for whom the upstream says so."""
    name = f"u{port}"
    return f"""
        upstream {name} {{ server unix:{upstream}; keepalive 32; keepalive_requests 1000000; }}
        server {{
            listen 127.0.0.1:{port};
            location = /page {{ auth_request /ask; return 200; }}
            location = /content {{ internal; return 200 "hello"; }}
            location = /ask {{
                internal; proxy_pass http://{name}{path}; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host localhost;
                proxy_set_header X-Original-Method $request_method; proxy_set_header X-Original-URI $request_uri;
                proxy_pass_request_body off; proxy_set_header Content-Length "";
            }}
            error_page 404 = /content;
        }}""".replace("auth_request /ask; return 200;", "auth_request /ask; try_files /none =404;")


def requests(port, token):
    done = subprocess.run(["wrk", "-t1", "-c16", f"-d{SECONDS}s", "-H", f"Authorization: Bearer {token}", f"http://127.0.0.1:{port}/page"],
                          check=True, capture_output=True, text=True)
    assert "Non-2xx" not in done.stdout, done.stdout
    return float(re.search(r"Requests/sec:\s+([\d.]+)", done.stdout).group(1))


MODULES = "/usr/lib/apache2/modules"


def apache(agent, key, port):
    """The same page for the same tokens; the key as it wants it, in a certificate."""
    folder = agent.path("apache")
    os.makedirs(os.path.join(folder, "www"))
    name, now = x509.Name([]), datetime.datetime.utcnow()
    certificate = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.private.public_key()).serial_number(1)
                   .not_valid_before(now - datetime.timedelta(1)).not_valid_after(now + datetime.timedelta(9)).sign(key.private, hashes.SHA256()))
    put_file(os.path.join(folder, "key.pem"), certificate.public_bytes(serialization.Encoding.PEM).decode(), 0o644)
    put_file(os.path.join(folder, "www", "page"), "hello", 0o644)
    os.chmod(agent.folder, 0o755)
    modules = "mpm_event authn_core authz_core authz_user auth_openidc".split()
    load = "\n".join(f"LoadModule {module}_module {MODULES}/mod_{module}.so" for module in modules)
    put_file(os.path.join(folder, "apache.conf"), f"""
ServerRoot {folder}
ServerName localhost
PidFile {folder}/pid
ErrorLog {folder}/error.log
Listen 127.0.0.1:{port}
{load}
User www-data
Group www-data
MaxKeepAliveRequests 0
DocumentRoot {folder}/www
OIDCCryptoPassphrase x
OIDCOAuthVerifyCertFiles {key.kid}#{folder}/key.pem
OIDCOAuthRemoteUserClaim sub
<Location />
AuthType oauth20
Require valid-user
</Location>
""")
    process = subprocess.Popen(["/usr/sbin/apache2", "-DFOREGROUND", "-f", os.path.join(folder, "apache.conf")], preexec_fn=die_with_parent)
    running.append(process)
    return process


def slow_clients(place):
    """A half request each, a byte more now and then."""
    found = []
    for _ in range(SLOW):
        client = socket.socket(socket.AF_UNIX)
        client.connect(place)
        client.sendall(b"GET /auth HTTP/1.1\r\nHost: localhost\r\nX-A: ")
        found.append(client)
    return found


def trips(place, token):
    times = []
    request = ("GET /auth HTTP/1.1\r\nHost: localhost\r\nX-Original-Method: GET\r\nX-Original-URI: /page\r\n"
               f"Authorization: Bearer {token}\r\n\r\n").encode()
    with Http(place) as http:
        for _ in range(TRIPS):
            begin = time.monotonic()
            http.socket.sendall(request)
            answer = http.socket.recv(65536)
            times.append((time.monotonic() - begin) * 1e6)
            assert answer.startswith(b"HTTP/1.1 200"), answer
    times.sort()
    return times[TRIPS // 2], times[TRIPS * 99 // 100]


def main():
    key = Key("RS256")
    agent = Agent(keys=[key])
    place, static = agent.path("http.sock"), agent.path("static.sock")
    put_file(agent.path("policy.yaml"), POLICY)
    agent.configure(policy="policy.yaml", http={"listen": f"unix:{place}"}, log={"level": "error", "decisions": "off"})
    agent.start()
    ports = {"agent": free_port(), "static": free_port()}
    servers = [nginx(agent.path("static"), f"server {{ listen unix:{static}; location / {{ return 204; }} }}")]
    wait_for("nginx serves", lambda: os.path.exists(static))
    servers.append(nginx(agent.path("front"), asking(ports["agent"], place, "/auth") + asking(ports["static"], static, "/")))
    if os.path.exists(f"{MODULES}/mod_auth_openidc.so"):
        ports["mod_auth_openidc"] = free_port()
        servers.append(apache(agent, key, ports["mod_auth_openidc"]))
        wait_for("Apache serves", lambda: socket.socket().connect_ex(("127.0.0.1", ports["mod_auth_openidc"])) == 0)
    token = key.token(exp=int(time.time()) + 100000)
    wait_for("nginx serves", lambda: socket.socket().connect_ex(("127.0.0.1", ports["static"])) == 0)
    rates = {name: [] for name in ports}
    for _ in range(ROUNDS):
        for name, port in ports.items():
            rates[name].append(requests(port, token))
    medians = {name: statistics.median(found) for name, found in rates.items()}
    ours, limit = medians["agent"], medians["static"]
    print(f"nginx that asks the agent {ours:.0f} /s, that asks a static 204 {limit:.0f} /s, ratio {ours / limit:.2f} (goal: at least 0.8)")
    goal("nginx and the agent, by nginx and a static 204", ours / limit, "x", ">=", 0.8)
    if "mod_auth_openidc" in medians:
        peer = medians["mod_auth_openidc"]
        print(f"Apache with mod_auth_openidc {peer:.0f} /s, nginx and the agent by it {ours / peer:.2f} (goal: more than 1)")
        goal("nginx and the agent, by Apache with mod_auth_openidc", ours / peer, "x", ">=", 1)
    quiet, beside = [], []
    for _ in range(ROUNDS):
        quiet.append(trips(place, token)[1])
        clients = slow_clients(place)
        end = time.monotonic() + 0.2
        while time.monotonic() < end:
            for client in clients[:100]:
                client.sendall(b"x")
        beside.append(trips(place, token)[1])
        for client in clients:
            client.close()
    alone, among = statistics.median(quiet), statistics.median(beside)
    print(f"/auth, p99: alone {alone:.0f} us, beside {SLOW} slow clients {among:.0f} us, ratio {among / alone:.2f} (goal: at most 2)")
    goal(f"HTTP p99 beside {SLOW} slow clients, by quiet", among / alone, "x", "<=", 2)
    agent.stop()
    for server in servers:
        server.terminate()  # with its workers
        server.wait()


main()
