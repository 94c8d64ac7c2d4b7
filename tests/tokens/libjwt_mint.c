/* A token by libjwt: mint ALG KEYFILE HEADERS CLAIMS, headers and claims as JSON.
 * Compiled and run by good_programs.py; the agent's own minting is not used, so
 * that these tokens come from a program that knows nothing of it. */
#include <jwt.h>
#include <stdio.h>
#include <stdlib.h>

#define MAX_KEY_BYTES 16384

static void fail(const char *what)
{
        fprintf(stderr, "mint: %s\n", what);
        exit(1);
}

static int read_key(const char *path, unsigned char *key)
{
        FILE *file = fopen(path, "rb");
        size_t bytes;

        if (!file)
                fail("cannot open the key");
        bytes = fread(key, 1, MAX_KEY_BYTES, file);
        if (fclose(file) || bytes == 0)
                fail("cannot read the key");
        return (int)bytes;
}

int main(int argc, char **argv)
{
        static unsigned char key[MAX_KEY_BYTES];
        jwt_t *jwt = NULL;
        char *token;
        int bytes;

        if (argc != 5)
                fail("usage: mint ALG KEYFILE HEADERS CLAIMS");
        bytes = read_key(argv[2], key);
        if (jwt_new(&jwt))
                fail("no memory");
        if (jwt_add_headers_json(jwt, argv[3]) || jwt_add_grants_json(jwt, argv[4]))
                fail("headers or claims are not JSON");
        if (jwt_set_alg(jwt, jwt_str_alg(argv[1]), key, bytes))
                fail("libjwt does not take this key or algorithm");
        token = jwt_encode_str(jwt);
        if (!token)
                fail("libjwt cannot sign");
        fputs(token, stdout);
        free(token);
        jwt_free(jwt);
        return 0;
}
