/* Why a token is not a signed token in compact form: which byte is wrong, and which rule it breaks. For people who must correct the
   program that issues it. */
#ifndef ASSAY_COMMAND_FORM_FAULT_H
#define ASSAY_COMMAND_FORM_FAULT_H

#include "agent/token/verify.h"

/* Counts bytes from 1, as `cut -c` and editors do. The caller frees each text. It may contain any bytes of the token. NULL: there is no
   memory. */
char *segments_fault(struct text token);

/* Of a header or payload that the check has refused. */
char *part_fault(const struct token *token, const uint8_t *json, size_t bytes);

/* Of claims whose type is not the one in RFC 7519; likewise. */
char *types_fault(const struct token *token);

extern const char issuer_absent[];

#endif
