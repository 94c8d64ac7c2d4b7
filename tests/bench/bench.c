#include "bench.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/x509.h>

#include "agent/token/base64url.h"
#include "client/wire/wire.h"

void die(const char *what)
{
    fprintf(stderr, "bench: %s: %s\n", what, strerror(errno));
    exit(2);
}

void goal(const char *name, double value, const char *unit, enum bound bound, double limit)
{
    const char *path = getenv("ASSAY_BENCH_RESULTS");
    FILE *out = path != NULL ? fopen(path, "a") : NULL;

    if (path == NULL)
        return;
    if (out == NULL || fprintf(out, "%s\t%.9g\t%s\t%s\t%.9g\n", name, value, unit, bound == AT_MOST ? "<=" : ">=", limit) < 0)
        die(path);
    if (fclose(out) != 0)
        die(path);
}

void wait_for_child(pid_t pid)
{
    int status;

    if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
        die("a child did not end well");
}

double seconds_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

double cpu_seconds_of(pid_t pid)
{
    clockid_t clock;
    struct timespec used;

    if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &used) < 0)
        die("the agent's CPU clock");
    return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

double median(double *values, unsigned count)
{
    qsort(values, count, sizeof *values, compare);
    return values[count / 2];
}

void pin(int core)
{
    cpu_set_t set;

    if (core < 0)
        return;
    CPU_ZERO(&set);
    CPU_SET((size_t)core, &set);
    if (sched_setaffinity(0, sizeof set, &set) < 0)
        die("sched_setaffinity");
}

void pin_loop(const struct bench_agent *agent, int core)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET((size_t)core, &set);
    if (sched_setaffinity(agent->pid, sizeof set, &set) < 0)
        die("sched_setaffinity");
}

struct issuer_key key_make(const char *alg)
{
    struct issuer_key key = {.alg = alg};
    unsigned char *der = NULL;

    if (strcmp(alg, "RS256") == 0)
        key.pkey = EVP_RSA_gen(2048);
    else if (strcmp(alg, "ES256") == 0)
        key.pkey = EVP_EC_gen("P-256");
    else
        key.pkey = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    int size = key.pkey != NULL ? i2d_PUBKEY(key.pkey, &der) : -1;
    const unsigned char *at = der;

    key.public = size > 0 ? d2i_PUBKEY(NULL, &at, size) : NULL;
    OPENSSL_free(der);
    if (key.public == NULL)
        die("making a key");
    return key;
}

/* JOSE's spelling of an ECDSA signature: r and s side by side. */
static size_t jose_from_der(const uint8_t *der, size_t size, uint8_t out[64])
{
    ECDSA_SIG *signature = d2i_ECDSA_SIG(NULL, &der, (long)size);

    if (signature == NULL || BN_bn2binpad(ECDSA_SIG_get0_r(signature), out, 32) != 32 ||
        BN_bn2binpad(ECDSA_SIG_get0_s(signature), out + 32, 32) != 32)
        die("an ECDSA signature");
    ECDSA_SIG_free(signature);
    return 64;
}

static size_t sign(const struct issuer_key *key, const char *input, uint8_t *out, size_t room)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    const EVP_MD *digest = strcmp(key->alg, "EdDSA") == 0 ? NULL : EVP_sha256();
    uint8_t der[512];
    size_t size = strcmp(key->alg, "ES256") == 0 ? sizeof der : room;
    uint8_t *made = strcmp(key->alg, "ES256") == 0 ? der : out;

    if (context == NULL || EVP_DigestSignInit(context, NULL, digest, NULL, key->pkey) != 1 ||
        EVP_DigestSign(context, made, &size, (const unsigned char *)input, strlen(input)) != 1)
        die("signing");
    EVP_MD_CTX_free(context);
    return made == der ? jose_from_der(der, size, out) : size;
}

char *token_make(const struct issuer_key *key, unsigned number, size_t *ret_bytes)
{
    char header[128], payload[512], *token = calloc(1, 2048);
    uint8_t signature[512];
    long now = time(NULL);

    snprintf(header, sizeof header, "{\"alg\":\"%s\",\"typ\":\"JWT\",\"kid\":\"%s-1\"}", key->alg, key->alg);
    snprintf(payload, sizeof payload,
             "{\"iss\":\"https://"
             "auth.example.com\",\"sub\":\"user-%08u\",\"aud\":\"orders\",\"iat\":%ld,\"exp\":%ld,\"jti\":\"%08x-7f3a-4c55\","
             "\"email\":\"user%u@example.com\",\"name\":\"Some Body\",\"roles\":[\"user\",\"manager\"],\"scope\":\"openid profile "
             "orders:write\"}",
             number, now - 10, now + 36000, number, number);
    base64url_encode((const uint8_t *)header, strlen(header), token);
    strcat(token, ".");
    base64url_encode((const uint8_t *)payload, strlen(payload), token + strlen(token));
    size_t size = sign(key, token, signature, sizeof signature);

    strcat(token, ".");
    base64url_encode(signature, size, token + strlen(token));
    *ret_bytes = strlen(token);
    return token;
}

static void put_number(FILE *out, const char *name, const uint8_t *bytes, size_t size)
{
    char text[512];

    base64url_encode(bytes, size, text);
    fprintf(out, ",\"%s\":\"%s\"", name, text);
}

static void put_bn(FILE *out, const char *name, EVP_PKEY *pkey, const char *param, int width)
{
    BIGNUM *value = NULL;
    uint8_t bytes[512];

    if (EVP_PKEY_get_bn_param(pkey, param, &value) != 1)
        die("a key's numbers");
    int size = width > 0 ? width : BN_num_bytes(value);

    BN_bn2binpad(value, bytes, size);
    put_number(out, name, bytes, (size_t)size);
    BN_free(value);
}

static void put_jwk(FILE *out, const struct issuer_key *key)
{
    uint8_t raw[32];
    size_t size = sizeof raw;

    fprintf(out, "{\"kid\":\"%s-1\",\"alg\":\"%s\"", key->alg, key->alg);
    if (strcmp(key->alg, "RS256") == 0) {
        fputs(",\"kty\":\"RSA\"", out);
        put_bn(out, "n", key->public, OSSL_PKEY_PARAM_RSA_N, 0);
        put_bn(out, "e", key->public, OSSL_PKEY_PARAM_RSA_E, 0);
    } else if (strcmp(key->alg, "ES256") == 0) {
        fputs(",\"kty\":\"EC\",\"crv\":\"P-256\"", out);
        put_bn(out, "x", key->public, OSSL_PKEY_PARAM_EC_PUB_X, 32);
        put_bn(out, "y", key->public, OSSL_PKEY_PARAM_EC_PUB_Y, 32);
    } else {
        fputs(",\"kty\":\"OKP\",\"crv\":\"Ed25519\"", out);
        EVP_PKEY_get_raw_public_key(key->public, raw, &size);
        put_number(out, "x", raw, size);
    }
    fputs("}", out);
}

static FILE *file_in(const struct bench_agent *agent, const char *name)
{
    char path[128];

    snprintf(path, sizeof path, "%s/%s", agent->folder, name);
    FILE *file = fopen(path, "w");

    if (file == NULL)
        die(path);
    return file;
}

int connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

static void write_files(const struct bench_agent *agent, const struct issuer_key *keys, unsigned count, const char *policy)
{
    FILE *out = file_in(agent, "keys.json");

    fputs("{\"keys\":[", out);
    for (unsigned i = 0; i < count; i++) {
        fputs(i > 0 ? "," : "", out);
        put_jwk(out, &keys[i]);
    }
    fputs("]}", out);
    fclose(out);
    out = file_in(agent, "assayd.yaml");
    fprintf(out,
            "socket: {path: %s}\nstate: %s/state\nlog: {level: warning, decisions: off}\n"
            "issuers: [{issuer: https://auth.example.com, keys: {file: keys.json}, audiences: [orders]}]\n",
            agent->socket, agent->folder);
    fputs(policy != NULL ? "policy: policy.yaml\n" : "", out);
    fclose(out);
    if (policy == NULL)
        return;
    out = file_in(agent, "policy.yaml");
    fputs(policy, out);
    fclose(out);
}

struct bench_agent agent_start(const struct issuer_key *keys, unsigned count, int core)
{
    return agent_start_with(keys, count, core, NULL);
}

struct bench_agent agent_start_with(const struct issuer_key *keys, unsigned count, int core, const char *policy)
{
    struct bench_agent agent = {.folder = "/tmp/assay-bench-XXXXXX"};
    const char *build = getenv("ASSAY_BUILD");
    char program[4096], config[128];

    if (build == NULL || mkdtemp(agent.folder) == NULL)
        die("ASSAY_BUILD must name the build folder");
    snprintf(agent.socket, sizeof agent.socket, "%s/assayd.sock", agent.folder);
    snprintf(program, sizeof program, "%s/agent/assayd", build);
    snprintf(config, sizeof config, "%s/assayd.yaml", agent.folder);
    write_files(&agent, keys, count, policy);
    agent.pid = fork();
    if (agent.pid == 0) {
        pin(core);
        execl(program, program, "--config", config, (char *)NULL);
        _exit(127);
    }
    for (unsigned tries = 0; tries < 500; tries++) {
        int fd = connect_to(agent.socket);

        if (fd >= 0) {
            close(fd);
            return agent;
        }
        usleep(10000);
    }
    die("the agent did not start");
    return agent;
}

void agent_stop(struct bench_agent *agent)
{
    char command[128];

    kill(agent->pid, SIGTERM);
    waitpid(agent->pid, NULL, 0);
    snprintf(command, sizeof command, "rm -rf %s", agent->folder);
    if (system(command) != 0)
        die("cleaning up");
}

void agent_launch(struct bench_agent *agent)
{
    char program[4096], config[128];

    snprintf(program, sizeof program, "%s/agent/assayd", getenv("ASSAY_BUILD"));
    snprintf(config, sizeof config, "%s/assayd.yaml", agent->folder);
    agent->pid = fork();
    if (agent->pid == 0) {
        execl(program, program, "--config", config, (char *)NULL);
        _exit(127);
    }
}

void agent_end(struct bench_agent *agent)
{
    int status;

    kill(agent->pid, SIGTERM);
    if (waitpid(agent->pid, &status, 0) < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
        die("the agent did not end well");
    agent->pid = 0;
}

/* Up to the token; `more` pairs follow it. */
static void put_request(struct wire_writer *writer, uint32_t msgid, const char *method, uint32_t more, const char *token,
                        size_t token_bytes)
{
    wire_put_array(writer, 4);
    wire_put_uint(writer, 0);
    wire_put_raw(writer,
                 (const uint8_t[]){0xce, (uint8_t)(msgid >> 24), (uint8_t)(msgid >> 16), (uint8_t)(msgid >> 8), (uint8_t)msgid}, 5);
    wire_put_text(writer, method);
    wire_put_array(writer, 1);
    wire_put_map(writer, 1 + more);
    wire_put_text(writer, "token");
    wire_put_str(writer, token, token_bytes);
}

size_t request_make(uint8_t *out, size_t room, uint32_t msgid, const char *token, size_t token_bytes)
{
    struct wire_writer writer;

    wire_writer_init(&writer, out, room);
    put_request(&writer, msgid, "verify", 0, token, token_bytes);
    return wire_written(&writer);
}

size_t authorize_make(uint8_t *out, size_t room, uint32_t msgid, const char *token, size_t token_bytes, const char *action,
                      const char *resource)
{
    struct wire_writer writer;

    wire_writer_init(&writer, out, room);
    put_request(&writer, msgid, "authorize", 2, token, token_bytes);
    wire_put_text(&writer, "action");
    wire_put_text(&writer, action);
    wire_put_text(&writer, "resource");
    wire_put_text(&writer, resource);
    return wire_written(&writer);
}

/* Sends some, and one more for each answer. An answer has `active` once. */
double cold_microseconds(const struct bench_agent *agent, int fd, char *const *tokens, const size_t *bytes, unsigned count)
{
    static uint8_t request[4096], in[65536 + 16];
    double before = cpu_seconds_of(agent->pid);
    unsigned sent = 0, answered = 0;
    size_t kept = 0;

    while (answered < count) {
        for (; sent < count && sent - answered < COLD_DEPTH; sent++) {
            size_t size = request_make(request, sizeof request, sent, tokens[sent], bytes[sent]);

            if (write(fd, request, size) != (ssize_t)size)
                die("writing a request");
        }
        ssize_t got = read(fd, in + kept, 65536);

        if (got <= 0)
            die("reading answers");
        uint8_t *at = in, *end = in + kept + got, *found;

        while ((found = memmem(at, (size_t)(end - at), "\xa6" "active\xc3", 8)) != NULL) {
            answered++;
            at = found + 8;
        }
        kept = (size_t)(end - at) < 8 ? (size_t)(end - at) : 8;
        memmove(in, end - kept, kept);
    }
    return (cpu_seconds_of(agent->pid) - before) / count * 1e6;
}
