C     A PVM program in Fortran against our fpvm3.h. It spawns a copy of
C     itself; the two exchange every type. Prints OK when all is right.
      program calls
      include 'fpvm3.h'
      integer mytid, parent, info, bufid, tids(1), started, n, inst
      integer bytes, tag, tid, size, i4(3), sums(2)
      integer*8 i8
      integer*2 i2(2)
      real r4
      double precision r8
      complex c8
      character*20 text
      character*80 name
      integer classes, entries, index, owner, flags, hid
      integer clks, clku, ds, du, handled
      common /box/ handled
      integer catches
      external pvmsum, catches
      call pvmfmytid(mytid)
      call pvmfparent(parent)
      call pvmfjoingroup('fgroup  ', inst)
      if (parent .lt. 0) then
        call get_command_argument(0, name)
        call pvmfspawn(name, PVMTASKDEFAULT, '*', 1, tids, started)
        if (started .ne. 1) stop 1
        call pvmfbarrier('fgroup', 2, info)
        if (info .ne. PVMOK) stop 2
        call pvmfinitsend(PVMDEFAULT, bufid)
        call pvmfpack(INTEGER4, (/1, 2, 3/), 3, 1, info)
        i8 = 1099511627781_8
        call pvmfpack(INTEGER8, i8, 1, 1, info)
        i2(1) = -5
        i2(2) = 6
        call pvmfpack(INTEGER2, i2, 2, 1, info)
        call pvmfpack(REAL4, 1.5, 1, 1, info)
        call pvmfpack(REAL8, 2.5d0, 1, 1, info)
        call pvmfpack(COMPLEX8, (3.0, 4.0), 1, 1, info)
        call pvmfpack(STRING, 'weft', 4, 1, info)
        if (info .ne. PVMOK) stop 3
        call pvmfsend(tids(1), 7, info)
        if (info .ne. PVMOK) stop 4
        call pvmfinitsend(PVMDEFAULT, bufid)
        call pvmfpack(INTEGER4, 4711, 1, 1, info)
        call pvmfputinfo('fbox  ', bufid, PVMMBOXMULTIINSTANCE, index)
        if (index .ne. 0) stop 31
        call pvmfrecvinfo('fbox', 0, PVMMBOXDEFAULT, bufid)
        if (bufid .lt. 0) stop 32
        call pvmfunpack(INTEGER4, n, 1, 1, info)
        if (n .ne. 4711) stop 33
        info = -1
        call pvmfgetmboxinfo('fb*', name, classes, entries, index,
     &    owner, flags, info)
        if (info .ne. PVMOK .or. name .ne. 'fbox') stop 34
        if (owner .ne. mytid .or. flags .ne. 2) stop 35
        call pvmfgetmboxinfo('fb*', name, classes, entries, index,
     &    owner, flags, info)
        if (info .ne. PVMNOTFOUND) stop 36
        call pvmfdelinfo('fbox', 0, PVMMBOXDEFAULT, info)
        if (info .ne. PVMOK) stop 37
        call pvmfhostsync(mytid, clks, clku, ds, du, info)
        if (info .ne. PVMOK .or. clks .le. 0) stop 38
        call pvmfcatchout(0, info)
        if (info .ne. PVMOK) stop 39
        handled = 0
        call pvmfaddmhf(-1, 55, -1, 0, catches, hid)
        if (hid .lt. 0) stop 40
        call pvmfinitsend(PVMDEFAULT, bufid)
        call pvmfpack(INTEGER4, 12, 1, 1, info)
        call pvmfsend(mytid, 55, info)
        call pvmfnrecv(-1, 55, bufid)
        if (handled .ne. 12) stop 41
        call pvmfdelmhf(hid, info)
        if (info .ne. PVMOK) stop 42
        call pvmfgsize('fgroup', size)
        if (size .ne. 2 .or. inst .ne. 0) stop 5
        sums(1) = 1
        sums(2) = 10
      else
        call pvmfbarrier('fgroup', 2, info)
        call pvmfrecv(parent, 7, bufid)
        call pvmfbufinfo(bufid, bytes, tag, tid, info)
        if (tid .ne. parent .or. tag .ne. 7) stop 11
        call pvmfunpack(INTEGER4, i4, 3, 1, info)
        if (i4(3) .ne. 3) stop 12
        call pvmfunpack(INTEGER8, i8, 1, 1, info)
        if (i8 .ne. 1099511627781_8) stop 13
        call pvmfunpack(INTEGER2, i2, 2, 1, info)
        if (i2(1) .ne. -5 .or. i2(2) .ne. 6) stop 14
        call pvmfunpack(REAL4, r4, 1, 1, info)
        call pvmfunpack(REAL8, r8, 1, 1, info)
        call pvmfunpack(COMPLEX8, c8, 1, 1, info)
        if (r4 .ne. 1.5 .or. r8 .ne. 2.5d0) stop 15
        if (c8 .ne. (3.0, 4.0)) stop 16
        text = 'xxxxxxxxxxxxxxxxxxxx'
        call pvmfunpack(STRING, text, 4, 1, info)
        if (text(1:5) .ne. 'weftx') stop 17
        call pvmfunpack(INTEGER4, n, 1, 1, info)
        if (info .ne. PVMNODATA) stop 18
        sums(1) = 2
        sums(2) = 20
      end if
      call pvmfreduce(pvmsum, sums, 2, INTEGER4, 9, 'fgroup', 0, info)
      if (info .ne. PVMOK) stop 21
      call pvmfbarrier('fgroup', 2, info)
      if (parent .lt. 0) then
        if (sums(1) .ne. 3 .or. sums(2) .ne. 30) stop 22
        print '(A)', 'OK'
      end if
      call pvmfexit(info)
      end
C     A handler of messages: keeps the number that they bring.
      integer function catches(bufid)
      include 'fpvm3.h'
      integer bufid, handled, info
      common /box/ handled
      if (bufid .gt. 0) call pvmfunpack(INTEGER4, handled, 1, 1, info)
      catches = 0
      end
