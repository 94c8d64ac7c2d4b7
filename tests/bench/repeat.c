/* For tests/budget.py: one token verified many times in this process, all but the first of which are cached results.
       repeat SOCKET AUDIENCE COUNT <token */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <assay/assay.h>

int main(int argc, char **argv)
{
    struct assay *assay;
    char token[16384];

    if (argc != 4 || fgets(token, sizeof token, stdin) == NULL || assay_open(&assay, argv[1], NULL) != 0)
        return 2;
    size_t bytes = strcspn(token, "\n");
    int status = 0;

    for (long left = atol(argv[3]); left > 0 && status == 0; left--)
        status = assay_verify(assay, token, bytes, argv[2], NULL);
    assay_close(assay);
    return status == 0 ? 0 : 1;
}
