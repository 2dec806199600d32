/* fortran.h - what libfpvm3 exports: the calls under the names that Fortran compilers give them. */
#ifndef WEFT_PVM_FORTRAN_H
#define WEFT_PVM_FORTRAN_H

#include "bindings/pvm/exported.h"

typedef void (*pvm_reducer)(int *type, void *x, void *y, int *count, int *info);

/* Of a message, by its buffer's id. */
typedef int (*pvm_fortran_handler)(int *bufid);

#pragma GCC visibility push(default)

void pvmfmytid_(int *tid);
void pvmfexit_(int *info);
void pvmfparent_(int *tid);
void pvmfsiblings_(int *n, const int *index, int *tid);
void pvmftidtohost_(const int *tid, int *host);
void pvmfperror_(const char *text, int *info, size_t n);
void pvmfsetopt_(const int *what, const int *value, int *before);
void pvmfgetopt_(const int *what, int *value);
void pvmfarchcode_(const char *arch, int *code, size_t n);
void pvmfnewcontext_(int *context);
void pvmfsetcontext_(const int *context, int *before);
void pvmfgetcontext_(int *context);
void pvmffreecontext_(const int *context, int *info);
void pvmfconfig_(int *nhost, int *narch, int *tid, char *name, char *arch, int *speed, int *info,
                 size_t nname, size_t narchname);
void pvmftasks_(const int *where, int *ntask, int *tid, int *parent, int *host, int *flag, char *aout,
                int *info, size_t naout);
void pvmfaddhost_(const char *host, int *info, size_t n);
void pvmfdelhost_(const char *host, int *info, size_t n);
void pvmfmstat_(const char *host, int *info, size_t n);
void pvmfstartpvmd_(const char *arguments, const int *block, int *info, size_t n);
void pvmfhalt_(int *info);
void pvmfspawn_(const char *task, const int *flags, const char *where, const int *count, int *tids,
                int *started, size_t ntask, size_t nwhere);
void pvmfkill_(const int *tid, int *info);
void pvmfsendsig_(const int *tid, const int *signo, int *info);
void pvmfpstat_(const int *tid, int *info);
void pvmfcatchout_(const int *on, int *info);
void pvmfhostsync_(const int *host, int *clksec, int *clkusec, int *deltasec, int *deltausec, int *info);
void pvmfnotify_(const int *what, const int *tag, const int *count, int *tids, int *info);
void pvmfsleep_(const int *seconds);
void pvmfinitsend_(const int *encoding, int *bufid);
void pvmfmkbuf_(const int *encoding, int *bufid);
void pvmffreebuf_(const int *bufid, int *info);
void pvmfgetsbuf_(int *bufid);
void pvmfgetrbuf_(int *bufid);
void pvmfsetsbuf_(const int *bufid, int *before);
void pvmfsetrbuf_(const int *bufid, int *before);
void pvmfbufinfo_(const int *bufid, int *nbytes, int *tag, int *tid, int *info);
void pvmfpack_(const int *what, void *p, const int *count, const int *stride, int *info);
void pvmfunpack_(const int *what, void *p, const int *count, const int *stride, int *info);
void pvmfsend_(const int *tid, const int *tag, int *info);
void pvmfmcast_(const int *count, int *tids, const int *tag, int *info);
void pvmfpsend_(const int *tid, const int *tag, void *buf, const int *count, const int *type, int *info);
void pvmfrecv_(const int *tid, const int *tag, int *bufid);
void pvmfnrecv_(const int *tid, const int *tag, int *bufid);
void pvmftrecv_(const int *tid, const int *tag, const int *seconds, const int *microseconds, int *bufid);
void pvmfprobe_(const int *tid, const int *tag, int *bufid);
void pvmfprecv_(const int *tid, const int *tag, void *buf, const int *count, const int *type, int *atid,
                int *atag, int *alen, int *info);
void pvmfaddmhf_(const int *src, const int *tag, const int *context, const void *unused,
                 pvm_fortran_handler handler, int *id);
void pvmfdelmhf_(const int *id, int *info);
void pvmfputinfo_(const char *name, const int *bufid, const int *flags, int *index, size_t n);
void pvmfrecvinfo_(const char *name, const int *index, const int *flags, int *bufid, size_t n);
void pvmfdelinfo_(const char *name, const int *index, const int *flags, int *info, size_t n);
void pvmfgetmboxinfo_(const char *pattern, char *name, int *nclasses, int *nentries, int *index, int *owner,
                      int *flags, int *info, size_t npattern, size_t nname);
void pvmfjoingroup_(const char *group, int *instance, size_t n);
void pvmflvgroup_(const char *group, int *info, size_t n);
void pvmfbarrier_(const char *group, const int *count, int *info, size_t n);
void pvmfbcast_(const char *group, const int *tag, int *info, size_t n);
void pvmfgetinst_(const char *group, const int *tid, int *instance, size_t n);
void pvmfgettid_(const char *group, const int *instance, int *tid, size_t n);
void pvmfgsize_(const char *group, int *size, size_t n);
void pvmffreezegroup_(const char *group, const int *size, int *info, size_t n);
void pvmfgather_(void *result, void *data, const int *count, const int *type, const int *tag,
                 const char *group, const int *root, int *info, size_t n);
void pvmfscatter_(void *result, void *data, const int *count, const int *type, const int *tag,
                  const char *group, const int *root, int *info, size_t n);
void pvmfreduce_(pvm_reducer func, void *data, const int *count, const int *type, const int *tag,
                 const char *group, const int *root, int *info, size_t n);
void pvmmax_(int *type, void *x, void *y, int *count, int *info);
void pvmmin_(int *type, void *x, void *y, int *count, int *info);
void pvmsum_(int *type, void *x, void *y, int *count, int *info);
void pvmproduct_(int *type, void *x, void *y, int *count, int *info);

#pragma GCC visibility pop

#endif
