/* Text from outside, made fit for a terminal or a line of the log. */
#ifndef ASSAY_PRINTABLE_H
#define ASSAY_PRINTABLE_H

/* Puts ? in the place of control characters, and of bytes that are not UTF-8 (RFC 3629), so that no text moves a cursor or breaks a line. The length
   stays. */
void make_printable(char *text);

#endif
