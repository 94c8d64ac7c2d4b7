/* Whether libjwt takes a token: lines {"token": T, "keys": [HEX, …]} come in, of each the keys' PEM or secret in hex; a line out for each
 * says which of them, from 0, is the first under which jwt_decode() takes the token, or -1.  Compiled and run by differ.py. */
#include <jansson.h>
#include <jwt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEY_BYTES_MAX 8192

static int from_hex(const char *hex, unsigned char *out)
{
        int bytes = 0;
        unsigned byte;

        for (; *hex && bytes < KEY_BYTES_MAX && sscanf(hex, "%2x", &byte) == 1; hex += 2)
                out[bytes++] = (unsigned char)byte;
        return bytes;
}

static int judge(const char *token, const json_t *keys)
{
        static unsigned char key[KEY_BYTES_MAX + 1];
        json_t *one;
        size_t i;

        json_array_foreach(keys, i, one) {
                jwt_t *jwt = NULL;
                int bytes = from_hex(json_string_value(one), key);
                int status;

                key[bytes] = 0;
                status = jwt_decode(&jwt, token, key, bytes);
                /* A token that says "none" is taken for one that nobody has signed, whatever key is given. */
                if (status == 0 && jwt && jwt_get_alg(jwt) == JWT_ALG_NONE)
                        status = -1;
                jwt_free(jwt);
                if (status == 0)
                        return (int)i;
        }
        return -1;
}

int main(void)
{
        char *line = NULL;
        size_t room = 0;

        while (getline(&line, &room, stdin) > 0) {
                json_t *asked = json_loads(line, 0, NULL);
                const char *token = json_string_value(json_object_get(asked, "token"));

                if (!token) {
                        fprintf(stderr, "judge: no line\n");
                        return 2;
                }
                printf("%d\n", judge(token, json_object_get(asked, "keys")));
                json_decref(asked);
        }
        free(line);
        return 0;
}
