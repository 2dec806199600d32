/* msgs_only.h - before an include of msgs.def that wants MSG alone. No guard: it is meant to repeat. */
#define U64(name, max, doc)
#define I64(name, doc)
#define STR(name, max, doc)
#define BIN(name, max, doc)
#define U64S(name, max, doc)
#define STRS(name, max, each, doc)
#define END
