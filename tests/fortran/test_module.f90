!> What module weft does without a virtual machine: types, texts, buffers of every type and rank, errors.
program test_module
    use, intrinsic :: iso_c_binding, only: c_int8_t, c_int16_t, c_int32_t, c_int64_t, c_float, c_double, &
        c_size_t, c_null_ptr
    use weft
    implicit none

    integer, parameter :: ntests = 10
    integer :: done = 0
    logical :: all_well = .true.

    interface
        integer(c_size_t) function fill(status, how, node, task, notice) bind(C, name='weft_test_fill')
            import :: c_size_t, weft_status_t, weft_exit_t, weft_node_t, weft_task_t, weft_notice_t
            type(weft_status_t), intent(out) :: status
            type(weft_exit_t), intent(out) :: how
            type(weft_node_t), intent(out) :: node
            type(weft_task_t), intent(out) :: task
            type(weft_notice_t), intent(out) :: notice
        end function fill
    end interface

    print '(a, i0)', '1..', ntests
    call report('types_are_laid_out_as_in_c', layout())
    call report('texts_come_from_c', texts())
    call report('ids_compare', ids())
    call report('every_type_is_packed_and_unpacked', every_type())
    call report('arrays_of_all_ranks_are_packed', every_rank())
    call report('sections_are_packed_and_unpacked', sections())
    call report('texts_are_packed_with_their_length', packed_texts())
    call report('the_wrong_type_is_an_error', wrong_type())
    call report('without_a_virtual_machine_calls_say_so', not_enrolled())
    call report('a_section_can_not_be_sent_behind_the_back', no_sections_in_requests())
    if (.not. all_well) error stop 'tests failed'

contains

    subroutine report(name, well)
        character(len=*), intent(in) :: name
        logical, intent(in) :: well
        done = done + 1
        if (well) then
            print '(a, i0, 2a)', 'ok ', done, ' - ', name
        else
            print '(a, i0, 2a)', 'not ok ', done, ' - ', name
            all_well = .false.
        end if
    end subroutine report

    logical function layout() result(well)
        type(weft_status_t) :: s
        type(weft_exit_t) :: h
        type(weft_node_t) :: n
        type(weft_task_t) :: t
        type(weft_notice_t) :: w
        integer(c_size_t) :: bytes
        bytes = fill(s, h, n, t, w)
        well = bytes == (storage_size(s) + storage_size(h) + storage_size(n) + storage_size(t) + &
            storage_size(w))/8
        well = well .and. s%source%v == 11 .and. s%tag == 12 .and. s%code == -13 .and. s%nbytes == 14
        well = well .and. is_exit(h)
        well = well .and. n%node == 31 .and. n%ncores == 32 .and. n%ntasks == 33 .and. weft_text(n%host) == 'a-host'
        well = well .and. t%tid%v == 41 .and. t%parent%v == 42 .and. t%job == 43 .and. t%rank == 44
        well = well .and. t%node == 45 .and. t%pid == 46 .and. weft_text(t%program) == 'a-program'
        well = well .and. weft_text(t%name) == 'a-name'//repeat('x', WEFT_NAME_MAX + 1 - 6)
        well = well .and. w%what == 51 .and. w%node == 52 .and. is_exit(w%how)
    end function layout

    logical function is_exit(h)
        type(weft_exit_t), intent(in) :: h
        is_exit = h%tid%v == 21 .and. h%code == 22 .and. h%signo == 23 .and. h%core_dumped == 24 .and. &
            h%lost == 25 .and. h%utime_us == 26 .and. h%stime_us == 27 .and. h%maxrss_kib == 28
    end function is_exit

    logical function texts() result(well)
        well = weft_strerror(WEFT_ENOTASK) == 'no such task: it is dead or never was'
        well = well .and. weft_strerror(12345) == 'unknown error'
        well = well .and. len(weft_version()) >= 5 .and. index(weft_version(), '.') > 0
        well = well .and. weft_tid_text(weft_tid_t(131073_c_int64_t)) == 't20001'
    end function texts

    logical function ids() result(well)
        type(weft_tid_t) :: three(3)
        three%v = [1, 2, 1]
        well = three(1) == three(3) .and. three(1) /= three(2) .and. WEFT_ANY_TASK /= WEFT_NO_TID
        well = well .and. count(three == three(1)) == 2
        well = well .and. WEFT_CONTEXT == weft_context_t(0) .and. weft_context_t(1) /= WEFT_CONTEXT
        well = well .and. WEFT_NO_REQUEST == weft_request_t(0) .and. weft_request_t(5) /= WEFT_NO_REQUEST
    end function ids

    logical function every_type() result(well)
        type(weft_buf_t) :: buf
        integer(c_int8_t) :: a(3) = [-128, 0, 127], a2(3)
        integer(c_int16_t) :: b(2) = [-32768, 32767], b2(2)
        integer(c_int32_t) :: c = -123456, c2
        integer(c_int64_t) :: d(2) = [huge(0_c_int64_t), -huge(0_c_int64_t)], d2(2)
        real(c_float) :: e(2) = [1.5, -2.25], e2(2)
        real(c_double) :: f = 3.125d0, f2
        complex(c_float) :: g(2) = [(1.0, -1.0), (0.5, 2.0)], g2(2)
        complex(c_double) :: h = (1d100, -1d-100), h2
        logical :: l(3) = [.true., .false., .true.], l2(3)
        integer :: kind = -1
        integer(c_int64_t) :: count = -1
        call weft_buf_create(buf)
        call weft_pack(buf, a)
        call weft_pack(buf, b)
        call weft_pack(buf, c)
        call weft_pack(buf, d)
        call weft_pack(buf, e)
        call weft_pack(buf, f)
        call weft_pack(buf, g)
        call weft_pack(buf, h)
        call weft_pack(buf, l)
        call weft_buf_next(buf, kind, count)
        well = kind == WEFT_INT8 .and. count == 3 .and. weft_buf_size(buf) > 100
        call weft_unpack(buf, a2)
        call weft_unpack(buf, b2)
        call weft_unpack(buf, c2)
        call weft_unpack(buf, d2)
        call weft_unpack(buf, e2)
        call weft_unpack(buf, f2)
        call weft_unpack(buf, g2)
        call weft_unpack(buf, h2)
        call weft_unpack(buf, l2)
        well = well .and. all(a == a2) .and. all(b == b2) .and. c == c2 .and. all(d == d2)
        well = well .and. all(e == e2) .and. f == f2 .and. all(g == g2) .and. h == h2 .and. all(l .eqv. l2)
        call weft_buf_destroy(buf)
    end function every_type

    logical function every_rank() result(well)
        type(weft_buf_t) :: buf
        integer :: i, x0, x1(2), x2(2, 2), x3(2, 2, 2), x7(2, 1, 2, 1, 2, 1, 2)
        integer :: y(31), z7(2, 1, 2, 1, 2, 1, 2), z2(2, 2)
        x0 = 1
        x1 = [(i, i=2, 3)]
        x2 = reshape([(i, i=4, 7)], shape(x2))
        x3 = reshape([(i, i=8, 15)], shape(x3))
        x7 = reshape([(i, i=16, 31)], shape(x7))
        call weft_buf_create(buf)
        call weft_pack(buf, x0)
        call weft_pack(buf, x1)
        call weft_pack(buf, x2)
        call weft_pack(buf, x3)
        call weft_pack(buf, x7)
        call weft_unpack(buf, y) ! several runs at once
        well = all(y == [(i, i=1, 31)])
        call weft_buf_rewind(buf)
        call weft_unpack(buf, y(1:3))
        call weft_unpack(buf, z2)
        call weft_unpack(buf, y(1:8))
        call weft_unpack(buf, z7)
        well = well .and. all(z2 == x2) .and. all(z7 == x7)
        call weft_buf_destroy(buf)
    end function every_rank

    logical function sections() result(well)
        type(weft_buf_t) :: buf
        real(c_double) :: a(4, 6), b(4, 6)
        integer :: i
        a = reshape([(real(i, c_double), i=1, 24)], shape(a))
        b = 0
        call weft_buf_create(buf)
        call weft_pack(buf, a(2, :))
        call weft_pack(buf, a(1:4:3, 2:6:2))
        call weft_unpack(buf, b(3, :))
        call weft_unpack(buf, b(1:2, 1:3))
        well = all(b(3, :) == a(2, :)) .and. all(b(1:2, 1:3) == a(1:4:3, 2:6:2)) .and. all(b(4, :) == 0)
        call weft_buf_destroy(buf)
    end function sections

    logical function packed_texts() result(well)
        type(weft_buf_t) :: buf
        character(len=20) :: long
        character(len=4) :: short
        integer :: length, ierr
        call weft_buf_create(buf)
        call weft_pack(buf, 'warp and weft')
        call weft_pack(buf, '')
        short = 'kept'
        call weft_unpack(buf, short, length, ierr)
        well = ierr == WEFT_ETRUNC .and. length == 13 .and. short == 'kept'
        call weft_unpack(buf, long, length)
        well = well .and. long == 'warp and weft' .and. length == 13
        call weft_unpack(buf, long, length)
        well = well .and. long == '' .and. length == 0
        call weft_unpack(buf, long, length, ierr)
        well = well .and. ierr == WEFT_EEND
        call weft_buf_destroy(buf)
    end function packed_texts

    logical function wrong_type() result(well)
        type(weft_buf_t) :: buf, none
        real :: x
        integer :: i, ierr
        call weft_buf_create(buf)
        call weft_pack(buf, 42)
        call weft_unpack(buf, x, ierr)
        well = ierr == WEFT_ETYPE
        call weft_unpack(buf, i, ierr)
        well = well .and. ierr == 0 .and. i == 42
        call weft_unpack(buf, i, ierr)
        well = well .and. ierr == WEFT_EEND
        well = well .and. weft_last_error() == weft_strerror(WEFT_EEND)
        call weft_buf_reset(buf, ierr)
        well = well .and. ierr == 0
        call weft_pack(none, 1, ierr) ! never made
        well = well .and. ierr == WEFT_EINVAL
        call weft_buf_destroy(buf)
    end function wrong_type

    logical function not_enrolled() result(well)
        type(weft_team_t) :: team
        integer :: ierr, sum, instance
        well = weft_rank() == WEFT_ENOTINIT .and. weft_size() == WEFT_ENOTINIT
        well = well .and. weft_self() == WEFT_NO_TID .and. weft_parent() == WEFT_NO_TID
        team = weft_team_job()
        well = well .and. .not. weft_team_exists(team)
        call weft_send(weft_tid_t(1), 0, [1, 2, 3], ierr=ierr)
        well = well .and. ierr == WEFT_ENOTINIT
        call weft_allreduce(team, 1, sum, WEFT_SUM, ierr)
        well = well .and. ierr == WEFT_EINVAL
        call weft_group_join('some', instance, ierr)
        well = well .and. ierr == WEFT_ENOTINIT
        call weft_name_put('name', 'value', ierr=ierr)
        well = well .and. ierr == WEFT_ENOTINIT
    end function not_enrolled

    logical function no_sections_in_requests() result(well)
        type(weft_request_t) :: request
        integer, asynchronous :: a(4, 4)
        integer :: ierr
        a = 0
        call weft_isend(weft_tid_t(1), 0, a(2, :), request, ierr=ierr)
        well = ierr == WEFT_EINVAL
        call weft_irecv(weft_tid_t(1), 0, a(:, ::2), request, ierr=ierr)
        well = well .and. ierr == WEFT_EINVAL
        call weft_irecv(weft_tid_t(1), 0, a(:, 2:3), request, ierr=ierr) ! one piece: only not enrolled
        well = well .and. ierr == WEFT_ENOTINIT .and. request == WEFT_NO_REQUEST
    end function no_sections_in_requests

end program test_module
