/* `assay inspect`, in its two forms: one token check by check (inspect.c), or many tokens as JSON lines (inspect_batch.c). */
#ifndef ASSAY_COMMAND_INSPECT_H
#define ASSAY_COMMAND_INSPECT_H

/* Reads JSON lines from stdin until its end, and answers each. */
int inspect_batch(void);

#endif
