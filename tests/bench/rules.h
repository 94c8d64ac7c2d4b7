/* The rules of a shop, as the benchmarks ask them. cerbos.c says the same in Cerbos's language. */
#ifndef ASSAY_BENCH_RULES_H
#define ASSAY_BENCH_RULES_H

static const char shop_rules[] = "version: 1\nroles: {admin: [manager], manager: [user]}\nrules:\n"
                                 "- {name: users, resources: [/admin/users, /admin/users/**], roles: [admin]}\n"
                                 "- {name: orders, actions: [GET], resources: [/orders, \"/orders/*\"], roles: [user]}\n"
                                 "- {name: place, actions: [POST], resources: [/orders], roles: [user], scopes: [\"orders:write\"]}\n"
                                 "- {name: own, resources: [\"/users/{sub}/**\"]}\n"
                                 "- {name: warehouse, resources: [/reserve], claims: {type: service}}\n"
                                 "- {name: suspended, effect: deny, claims: {status: suspended}}\n"
                                 "- {name: closed, effect: deny, resources: [/orders/closed]}\n"
                                 "- {name: health, resources: [/health], anonymous: true}\n"
                                 "- {name: reports, actions: [GET], resources: [/reports/**], roles: [manager]}\n"
                                 "- {name: trial, resources: [/new/**], mode: shadow}\n";

#endif
