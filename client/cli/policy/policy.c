/* assay policy: the commands test and explain. */
#include <stdio.h>
#include <string.h>

#include "client/wire/nearest.h"
#include "file.h"

static const struct command commands[] = {
    {"policy test", "run the tests that a policy file has", "FILE [--config FILE]",
     "Runs the policy's `tests`. Prints each that fails, and how many passed and failed. Claims with an iss count as a token of that\n"
     "issuer, claims without iss as a token of any issuer. With --config, the issuers are those of the configuration, and roles and\n"
     "scopes are where it says.\n"
     "Exit: 0 all passed, 1 one or more failed, 2 wrong usage, or a file with faults.\n",
     command_policy_test},
    {"policy explain", "show for one request whether each rule applies, and why", "FILE [--claims JSON] --action A --resource R [--config FILE]",
     "Prints for each rule whether it applies, and if not, the first condition that does not hold; then the decision. Without\n"
     "--claims there is no token. Issuers are as for 'assay policy test'.\n"
     "Exit: 0 allowed, 1 denied, 2 wrong usage, or a file with faults.\n",
     command_policy_explain},
};

static int unknown(const char *name)
{
    struct nearest nearest = {0};

    for (size_t i = 0; i < COUNT(commands); i++)
        nearest_consider(&nearest, name, strchr(commands[i].name, ' ') + 1);
    if (strlen(name) <= 32 && nearest.name != NULL)
        return report_bad_input("unknown command 'policy %s'; did you mean 'policy %s'?", name, nearest.name);
    return report_bad_input("unknown command 'policy %.32s'; write 'policy test FILE' or 'policy explain FILE …'", name);
}

static int print_help(int argc, char **argv)
{
    int code = EXIT_YES;

    for (size_t i = 0; code == EXIT_YES && i < COUNT(commands); i++) {
        if (i > 0)
            putchar('\n');
        code = commands[i].run(&commands[i], argc, argv);
    }
    return code;
}

/* --json may come before the second name, as it may before every command. */
int command_policy(const struct command *self, int argc, char **argv)
{
    bool json = false;
    const struct option_spec options[] = {OPTION_JSON(json)};
    int at = 1;

    while (at < argc && strcmp(argv[at], "--json") == 0)
        at++;
    if (at == argc)
        return report_bad_input("write 'assay policy test FILE' or 'assay policy explain FILE …'");
    if (strcmp(argv[at], "--help") == 0 || strcmp(argv[at], "-h") == 0)
        return print_help(argc, argv);
    if (argv[at][0] == '-')
        return options_parse(self, options, COUNT(options), argc, argv);
    for (size_t i = 0; i < COUNT(commands); i++)
        if (strcmp(argv[at], strchr(commands[i].name, ' ') + 1) == 0)
            return commands[i].run(&commands[i], argc - at, argv + at);
    return unknown(argv[at]);
}
