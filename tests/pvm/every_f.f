c     Every call of PVM's Fortran library: what it returns and what it
c     does, alike in every run. Compiled against PVM and against Weft,
c     as every.c is.
      program everyf
      implicit none
      include 'fpvm3.h'
      integer info, tid, me, b, v(4), w(4), n, arch, speed, i, k
      integer ctx, d, bytes, tag, src, inst, val, clk(2), dlt(2)
      integer kids(2), id, mine
      character*64 name, aarch
      character*32 text
      character*256 prog
      double precision x(2), y(2)
      real r(2)
      external pvmsum, handle
      integer handled, got
      common /hand/ handled, got

      call getarg(1, text)
      if (text .eq. 'task') then
         call task
         stop
      end if
      call getarg(0, prog)
      handled = 0
      call pvmfmytid(me)
      call say('mytid', sign(1, me))
      call pvmfsetopt(PVMAUTOERR, 0, info)
      call say('setopt', info)
      call pvmfgetopt(PVMAUTOERR, val)
      call say('getopt', val)
      call pvmfparent(tid)
      call say('parent', tid)
      call pvmfsiblings(n, 0, tid)
      call say('siblings', n)
c     (what it prints goes to standard error)
      call pvmfperror('here', info)
      call say('perror', info)
      call pvmfarchcode('LINUX64', info)
      call say('archcode', info)

c     buffers, packing, messages
      call pvmfmkbuf(PVMRAW, b)
      call say('mkbuf', sign(1, b))
      call pvmffreebuf(b, info)
      call say('freebuf', info)
      call pvmffreebuf(b, info)
      call say('freebuf again', info)
      call pvmfinitsend(PVMDEFAULT, b)
      call say('initsend', sign(1, b))
      call pvmfgetsbuf(k)
      call say('getsbuf', k - b)
      call pvmfsetsbuf(0, k)
      call say('setsbuf', k - b)
      call pvmfsetsbuf(b, k)
      do i = 1, 4
         v(i) = i * 11
         w(i) = 0
      end do
      x(1) = 1.5d0
      x(2) = -2.5d0
      r(1) = 0.5
      r(2) = 4.0
      call pvmfpack(INTEGER4, v, 4, 1, info)
      call say('pack integers', info)
      call pvmfpack(REAL8, x, 2, 1, info)
      call say('pack doubles', info)
      call pvmfpack(REAL4, r, 2, 1, info)
      call say('pack reals', info)
      call pvmfpack(STRING, 'a text', 6, 1, info)
      call say('pack text', info)
      call pvmfpack(99, v, 1, 1, info)
      call say('pack nothing known', info)
      call pvmfpack(INTEGER4, v, -1, 1, info)
      call say('pack fewer than none', info)
      call pvmfsend(me, 5, info)
      call say('send', info)
      call pvmfrecv(me, 5, b)
      call say('recv', sign(1, b))
      call pvmfbufinfo(b, bytes, tag, src, info)
      call say('bufinfo', info)
      call say('bytes', bytes)
      call say('tag', tag)
      call say('source', src - me)
      call pvmfunpack(INTEGER4, w, 4, 1, info)
      call say('unpack integers', info)
      call say('the last', w(4))
      call pvmfunpack(REAL8, y, 2, 1, info)
      call say('unpack doubles', info)
      call say('ten times the last', int(10 * y(2)))
      r(2) = 0
      call pvmfunpack(REAL4, r, 2, 1, info)
      call say('unpack reals', info)
      call say('the last', int(r(2)))
      text = ' '
      call pvmfunpack(STRING, text, 6, 1, info)
      call say('unpack text', info)
      print *, 'text ', text(1:6)
      call pvmfunpack(INTEGER4, w, 1, 1, info)
      call say('past the end', info)
      call pvmfgetrbuf(k)
      call say('getrbuf', k - b)
      call pvmfsetrbuf(0, k)
      call say('setrbuf', k - b)
      call pvmfnrecv(-1, -1, b)
      call say('nrecv of nothing', b)
      call pvmfprobe(-1, -1, b)
      call say('probe of nothing', b)
      call pvmftrecv(-1, -1, 0, 1000, b)
      call say('trecv of nothing', b)
      call pvmfpsend(me, 6, v, 2, INTEGER4, info)
      call say('psend', info)
      call pvmfprecv(me, 6, w, 2, INTEGER4, src, tag, n, info)
      call say('precv', info)
      call say('length', n)
      call pvmfpsend(me, 6, v, 2, 99, info)
      call say('psend of nothing known', info)
      call pvmfsend(me, -3, info)
      call say('send with a bad tag', info)
      call pvmfmcast(0, kids, 7, info)
      call say('mcast to nobody', info)

c     contexts and handlers
      call pvmfgetcontext(ctx)
      call say('getcontext', ctx)
      call pvmfnewcontext(d)
      call say('newcontext', sign(1, d))
      call pvmfsetcontext(d, k)
      call say('setcontext', k)
      call pvmfsetcontext(0, k)
      call say('and back', k - d)
      call pvmffreecontext(d, info)
      call say('freecontext', info)
      call pvmfaddmhf(-1, 9, -1, 0, handle, id)
      call say('addmhf', min(id, 0))
      call pvmfinitsend(PVMDEFAULT, b)
      call pvmfpack(INTEGER4, v, 1, 1, info)
      call pvmfsend(me, 9, info)
      call pvmftrecv(-1, 8, 0, 300000, b)
      call say('handled', handled)
      call say('what', got)
      call pvmfdelmhf(id, info)
      call say('delmhf', info)
      call pvmfdelmhf(id, info)
      call say('delmhf again', info)

c     the machine
      call pvmfconfig(n, arch, tid, name, aarch, speed, info)
      call say('config', info)
      call say('hosts', n)
      call say('speed', speed)
      print *, 'architecture ', aarch(1:7)
      call pvmfmstat(name, info)
      call say('mstat', info)
      call pvmfmstat('no.such.host', info)
      call say('mstat of nobody', info)
      call pvmftidtohost(me, k)
      call say('tidtohost', k - tid)
      call pvmfpstat(me, info)
      call say('pstat', info)
      call pvmfpstat(me + 3333, info)
      call say('pstat of the dead', info)
      call pvmfkill(me + 3333, info)
      call say('kill of the dead', info)
      call pvmfsendsig(me + 3333, 18, info)
      call say('sendsig to the dead', info)
      call pvmftasks(me, n, k, i, arch, speed, name, info)
      call say('tasks', info)
      call say('of me', n)
      call say('is me', k - me)
      call pvmfdelhost('no.such.host.invalid', info)
      call say('delhost', info)
      call pvmfhostsync(tid, clk(1), clk(2), dlt(1), dlt(2), info)
      call say('hostsync', info)
      call pvmfcatchout(0, info)
      call say('catchout', info)

c     tasks
      call pvmfspawn('no-such-program', PVMDEFAULT, '*', 1, kids, n)
      call say('spawn of nothing', n)
      call say('why', kids(1))
      call pvmfnotify(PVMTASKEXIT, 12, 1, me + 3333, info)
      call say('notify', info)
      call pvmftrecv(-1, 12, 2, 0, b)
      call say('notice', sign(1, b))
      call pvmfunpack(INTEGER4, k, 1, 1, info)
      call say('of whom', k - me)

c     groups
      call pvmfjoingroup('everyf', inst)
      call say('joingroup', inst)
      call pvmfgsize('everyf', n)
      call say('gsize', n)
      call pvmfgetinst('everyf', me, inst)
      call say('getinst', inst)
      call pvmfgettid('everyf', 0, k)
      call say('gettid', k - me)
      call pvmfbarrier('everyf', 1, info)
      call say('barrier', info)
      call pvmffreezegroup('everyf', 1, info)
      call say('freezegroup', info)
      call pvmfinitsend(PVMDEFAULT, b)
      call pvmfbcast('everyf', 3, info)
      call say('bcast to nobody', info)
      call pvmfreduce(pvmsum, v, 2, INTEGER4, 4, 'everyf', 0, info)
      call say('reduce', info)
      call say('the first', v(1))
      call pvmfgather(w, v, 2, INTEGER4, 5, 'everyf', 0, info)
      call say('gather', info)
      call say('the second', w(2))
      call pvmfscatter(w, v, 2, INTEGER4, 6, 'everyf', 0, info)
      call say('scatter', info)
      call pvmflvgroup('everyf', info)
      call say('lvgroup', info)
      call pvmflvgroup('everyf', info)
      call say('lvgroup again', info)

c     the mailbox
      call pvmfinitsend(PVMDEFAULT, b)
      call pvmfpack(INTEGER4, v, 1, 1, info)
      call pvmfputinfo('everyf.a', b, 0, k)
      call say('putinfo', k)
      call pvmfputinfo('everyf.a', b, 0, k)
      call say('putinfo again', k)
      call pvmfrecvinfo('everyf.a', 0, 0, b)
      call say('recvinfo', sign(1, b))
      call pvmfrecvinfo('everyf.none', 0, 0, b)
      call say('recvinfo of nothing', b)
      call pvmfdelinfo('everyf.a', 0, 0, info)
      call say('delinfo', info)
      call pvmfdelinfo('everyf.a', 0, 0, info)
      call say('delinfo again', info)

      call pvmfexit(info)
      call say('exit', info)
      end

      subroutine say(what, n)
      character*(*) what
      integer n
      print '(a,a,i0)', what, ' ', n
      end

      subroutine handle(bufid)
      implicit none
      include 'fpvm3.h'
      integer bufid, info, handled, got
      common /hand/ handled, got
      handled = handled + 1
      call pvmfunpack(INTEGER4, got, 1, 1, info)
      end

      subroutine task
      end
