/* TLS to a Redis (rediss://), by OpenSSL over the descriptor that redis_stream.c has connected. */
#include "redis_inside.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

/* OpenSSL's own socket BIO uses write(), so a broken connection would send the process a SIGPIPE. */
static int bio_write(BIO *bio, const char *bytes, int count)
{
    const struct redis *redis = BIO_get_data(bio);
    ssize_t sent = send(redis->fd, bytes, (size_t)count, MSG_NOSIGNAL);

    BIO_clear_retry_flags(bio);
    if (sent < 0 && (errno == EAGAIN || errno == EINTR))
        BIO_set_retry_write(bio);
    return (int)sent;
}

static int bio_read(BIO *bio, char *bytes, int room)
{
    const struct redis *redis = BIO_get_data(bio);
    ssize_t got = recv(redis->fd, bytes, (size_t)room, 0);

    BIO_clear_retry_flags(bio);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        BIO_set_retry_read(bio);
    if (got == 0)
        BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
    return (int)got;
}

static long bio_control(BIO *bio, int command, long number, void *pointer)
{
    (void)number, (void)pointer;
    if (command == BIO_CTRL_EOF)
        return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0;
    return command == BIO_CTRL_FLUSH;
}

static int explain_verification(struct redis *redis, long result)
{
    if (result == X509_V_ERR_HOSTNAME_MISMATCH || result == X509_V_ERR_IP_ADDRESS_MISMATCH)
        return redis_say(redis, "its certificate is for another host; the URL's host must be in its subjectAltName");
    return redis_say(redis, "its certificate is not trusted: %s; for a private CA write `ca_file`",
                     X509_verify_cert_error_string(result));
}

static int explain(struct redis *redis, int reason)
{
    switch (reason) {
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_HTTP_REQUEST:
    case SSL_R_UNEXPECTED_MESSAGE:
        return redis_say(redis, "this port does not speak TLS; use the server's tls-port, or write redis://");
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
        return redis_say(redis, "it does not support TLS 1.2 or later");
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
        return redis_say(redis, "it requires a client certificate, which Assay does not have: set its tls-auth-clients to no");
    case SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE:
        return redis_say(redis, "it refuses the handshake; if it requires a client certificate, set its tls-auth-clients to no");
    default:
        return redis_say(redis, "TLS failed: %s", reason != 0 ? ERR_reason_error_string(ERR_peek_error()) : "the connection broke");
    }
}

static bool is_end(int error, int reason)
{
    return error == SSL_ERROR_ZERO_RETURN || reason == SSL_R_UNEXPECTED_EOF_WHILE_READING ||
           (error == SSL_ERROR_SYSCALL && (errno == ECONNRESET || errno == EPIPE || errno == 0));
}

/* In TLS 1.3 a server that requires a client certificate reports it after the handshake, and its alert may get lost as it closes. */
static int explain_end(struct redis *redis, bool established)
{
    if (!established)
        return redis_say(redis, "it closed the connection during the TLS handshake; does this port speak TLS (tls-port)?");
    if (!redis->answered)
        return redis_say(redis, "it closed the connection before it answered; if it requires a client certificate, set its tls-auth-clients to no");
    return redis_say(redis, "it closed the connection");
}

/* After a call without result: 0 after waiting for what it needs; -1. */
static int go_on(struct redis *redis, int result)
{
    int error = SSL_get_error(redis->ssl, result), reason = ERR_GET_REASON(ERR_peek_error());
    bool established = SSL_is_init_finished(redis->ssl);

    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
        if (redis_wait(redis, error == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT, redis->deadline) == 0)
            return 0;
        return established ? -1 : redis_say(redis, "the TLS handshake timed out; does this port speak TLS (tls-port)?");
    }
    if (is_end(error, reason))
        return explain_end(redis, established);
    if (!established && SSL_get_verify_result(redis->ssl) != X509_V_OK)
        return explain_verification(redis, SSL_get_verify_result(redis->ssl));
    return explain(redis, reason);
}

static int load_authorities(struct redis *redis, const char *ca_file)
{
    if (ca_file == NULL && SSL_CTX_set_default_verify_paths(redis->context) == 1)
        return 0;
    if (ca_file != NULL && SSL_CTX_load_verify_file(redis->context, ca_file) == 1)
        return 0;
    return redis_say(redis, "the `ca_file` %.160s cannot be used", ca_file != NULL ? ca_file : "of the system");
}

/* SNI is only for names (RFC 6066). The certificate must be for the host of the URL, and its subject does not count. */
static bool name_peer(SSL *ssl, const char *host)
{
    struct in6_addr address;

    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    if (inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1)
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
    return SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1;
}

static bool set_up(struct redis *redis)
{
    redis->context = SSL_CTX_new(TLS_client_method());
    redis->method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "redis");
    if (redis->context == NULL || redis->method == NULL || SSL_CTX_set_min_proto_version(redis->context, TLS1_2_VERSION) != 1)
        return false;
    SSL_CTX_set_verify(redis->context, SSL_VERIFY_PEER, NULL);
    return BIO_meth_set_write(redis->method, bio_write) == 1 && BIO_meth_set_read(redis->method, bio_read) == 1 &&
           BIO_meth_set_ctrl(redis->method, bio_control) == 1;
}

static bool make_session(struct redis *redis, const char *host)
{
    BIO *bio = BIO_new(redis->method);

    redis->ssl = SSL_new(redis->context);
    if (bio == NULL || redis->ssl == NULL) {
        BIO_free(bio);
        return false;
    }
    BIO_set_data(bio, redis);
    BIO_set_init(bio, 1);
    SSL_set_bio(redis->ssl, bio, bio); /* the session owns it from here on */
    return name_peer(redis->ssl, host);
}

int redis_tls_begin(struct redis *redis, const struct redis_place *place, const char *ca_file)
{
    int result;

    ERR_clear_error();
    if (!set_up(redis))
        return redis_say(redis, "out of memory");
    if (load_authorities(redis, ca_file) < 0)
        return -1;
    if (!make_session(redis, place->host))
        return redis_say(redis, "out of memory");
    do {
        if (redis_may_go_on(redis) < 0)
            return -1;
        ERR_clear_error();
        errno = 0;
        result = SSL_connect(redis->ssl);
    } while (result != 1 && go_on(redis, result) == 0);
    return result == 1 ? 0 : -1;
}

ssize_t redis_tls_send(struct redis *redis, const char *bytes, size_t count)
{
    size_t sent = 0;

    ERR_clear_error();
    errno = 0;
    int result = SSL_write_ex(redis->ssl, bytes, count, &sent);

    return result == 1 ? (ssize_t)sent : go_on(redis, result);
}

ssize_t redis_tls_receive(struct redis *redis, char *bytes, size_t room)
{
    size_t got = 0;

    ERR_clear_error();
    errno = 0;
    int result = SSL_read_ex(redis->ssl, bytes, room, &got);

    return result == 1 ? (ssize_t)got : go_on(redis, result);
}

void redis_tls_end(struct redis *redis)
{
    if (redis->ssl != NULL && redis->answered)
        (void)SSL_shutdown(redis->ssl); /* sends the alert, and does not wait */
    SSL_free(redis->ssl);
    SSL_CTX_free(redis->context);
    BIO_meth_free(redis->method);
}
