/* Why a token is no signed token in compact form: which byte, and which rule it breaks. For people who must mend what issues it. */
#ifndef ASSAY_COMMAND_FORM_FAULT_H
#define ASSAY_COMMAND_FORM_FAULT_H

#include "agent/token/verify.h"

/* Bytes are counted from 1, as `cut -c` and editors do. Each is to be freed, may hold any bytes of the token, and is NULL if there
   is no memory. */
char *segments_fault(struct text token);

/* Of a header or payload that the check before has refused. */
char *part_fault(const struct token *token, const uint8_t *json, size_t bytes);

/* Of claims that are of another type than RFC 7519 has; likewise. */
char *types_fault(const struct token *token);

extern const char issuer_absent[];

#endif
