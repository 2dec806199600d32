/* msgs_undef.h - after an include of msgs.def: takes its macros back. No guard: it is meant to repeat. */
#undef MSG
#undef U64
#undef I64
#undef STR
#undef BIN
#undef U64S
#undef STRS
#undef END
