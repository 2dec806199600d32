!> What module weft does in a virtual machine, run by test_crew.sh as 5 tasks on 2 nodes: rank 0 prints how each
!> step went, when it went well on all ranks. As a child (argument "child") it answers its parent and ends.
program crew
    use, intrinsic :: iso_c_binding, only: c_double, c_int64_t, c_size_t, c_ptr, c_null_ptr, c_f_pointer, &
        c_associated
    use weft
    implicit none

    integer, parameter :: ntests = 14, tag = 7
    integer :: done = 0, rank, n
    type(weft_team_t) :: job
    character(len=16) :: argument

    call weft_init()
    call get_command_argument(1, argument)
    if (argument == 'child') then
        call child()
        call weft_fini()
        stop
    end if
    job = weft_team_job()
    rank = weft_team_rank(job)
    n = weft_team_size(job)
    if (rank == 0) print '(a, i0)', '1..', ntests
    call report('ranks_and_tids_agree', identity())
    call report('a_value_goes_around_a_ring', ring())
    call report('requests_end_in_any_order', requests())
    call report('a_message_is_probed_and_received_whole', probed())
    call report('buffers_travel', buffers())
    call report('bcast_moves_all_types', bcasts())
    call report('reductions_are_right', reductions())
    call report('logicals_reduce', logicals())
    call report('gather_and_scatter_are_right', gathers())
    call report('alltoall_and_allgather_are_right', everyone())
    call report('teams_split', splits())
    call report('names_are_stored', names())
    call report('groups_are_joined', groups())
    call report('children_are_spawned_and_their_end_is_told', children())
    call weft_fini()

contains

    !> Well only if it is on every rank.
    subroutine report(name, well)
        character(len=*), intent(in) :: name
        logical, intent(in) :: well
        logical :: all_well
        call weft_allreduce(job, well, all_well, WEFT_LAND)
        done = done + 1
        if (.not. well) print '(a, i0, 2a)', '# not on rank ', rank, ': ', name
        if (rank == 0) print '(a, i0, 2a)', trim(merge('ok    ', 'not ok', all_well))//' ', done, ' - ', name
    end subroutine report

    logical function identity() result(well)
        type(weft_task_t) :: tasks(16)
        type(weft_node_t) :: nodes(4)
        integer :: ntasks, nnodes
        well = weft_rank() == rank .and. weft_size() == n .and. weft_self() == weft_team_tid(job, rank)
        well = well .and. weft_team_tid(job, n) == WEFT_NO_TID .and. weft_parent() == WEFT_NO_TID
        call weft_tasks(0, 0, tasks, ntasks)
        well = well .and. ntasks == n .and. any(tasks(:ntasks)%tid == weft_self())
        call weft_nodes(nodes, nnodes)
        well = well .and. nnodes == 2 .and. any(nodes(:nnodes)%node == weft_node())
        call weft_set_name('fortran')
    end function identity

    logical function ring() result(well)
        integer :: right, left, value, got
        type(weft_status_t) :: status
        right = modulo(rank + 1, n)
        left = modulo(rank - 1, n)
        value = 100
        if (rank == 0) then
            call weft_send(weft_team_tid(job, right), tag, value)
            call weft_recv(WEFT_ANY_TASK, tag, value, status)
            well = value == 100 + n - 1 .and. status%source == weft_team_tid(job, left) .and. status%tag == tag
        else
            call weft_recv(weft_team_tid(job, left), WEFT_ANY_TAG, value)
            call weft_send(weft_team_tid(job, right), tag, value + 1)
            well = value == 100 + rank - 1
        end if
        call weft_sendrecv(weft_team_tid(job, right), 1, rank, weft_team_tid(job, left), 1, got)
        well = well .and. got == left
    end function ring

    logical function requests() result(well)
        type(weft_request_t) :: r(8), none
        type(weft_context_t) :: context
        real(c_double), asynchronous :: in(1000, 4), out(1000, 4)
        integer :: i, k, ierr, right, left
        logical :: ended
        context = weft_context_t(3)
        right = modulo(rank + 1, n)
        left = modulo(rank - 1, n)
        do i = 1, 4
            out(:, i) = 1000*rank + i
            call weft_irecv(weft_team_tid(job, left), i, in(:, i), r(i), context)
        end do
        do i = 4, 1, -1
            call weft_isend(weft_team_tid(job, right), i, out(:, i), r(4 + i), context)
        end do
        call weft_wait_any(r, k)
        well = k >= 1 .and. k <= 8
        well = well .and. r(k) == WEFT_NO_REQUEST
        call weft_wait_all(r)
        do i = 1, 4
            well = well .and. all(in(:, i) == 1000*left + i)
        end do
        call weft_test(none, ended)
        well = well .and. ended
        call weft_irecv(weft_team_tid(job, left), 99, in(:, 1), r(1), context)
        call weft_test(r(1), ended)
        well = well .and. .not. ended
        call weft_cancel(r(1))
        call weft_wait(r(1), ierr=ierr)
        well = well .and. ierr == WEFT_ECANCELED
        call weft_recv(weft_team_tid(job, left), 99, in(:, 1), context=context, timeout_ms=0, ierr=ierr)
        well = well .and. ierr == WEFT_ETIMEDOUT
    end function requests

    logical function probed() result(well)
        type(weft_status_t) :: status
        type(c_ptr) :: at
        integer, pointer :: values(:)
        integer :: i
        call weft_mcast([(weft_team_tid(job, i), i=0, n - 1)], 20 + rank, [(rank*i, i=1, 5)])
        well = .true.
        do i = 0, n - 1
            call weft_probe(weft_team_tid(job, i), 20 + i, status)
            well = well .and. status%nbytes == 20_c_size_t
            at = c_null_ptr
            call weft_recv_alloc(weft_team_tid(job, i), 20 + i, at, status)
            call c_f_pointer(at, values, [5])
            well = well .and. all(values == [i, 2*i, 3*i, 4*i, 5*i])
            call weft_free(at)
            well = well .and. .not. c_associated(at)
        end do
    end function probed

    logical function buffers() result(well)
        type(weft_buf_t) :: buf
        character(len=12) :: text
        real :: x(3)
        integer(c_int64_t) :: big
        call weft_buf_create(buf)
        call weft_pack(buf, 'from a task')
        call weft_pack(buf, [1.5, 2.5, real(rank)])
        call weft_pack(buf, huge(big))
        call weft_buf_send(buf, weft_team_tid(job, modulo(rank + 1, n)), 30)
        call weft_buf_recv(buf, weft_team_tid(job, modulo(rank - 1, n)), 30)
        call weft_unpack(buf, text)
        call weft_unpack(buf, x)
        call weft_unpack(buf, big)
        well = text == 'from a task' .and. all(x == [1.5, 2.5, real(modulo(rank - 1, n))]) .and. big == huge(big)
        call weft_buf_destroy(buf)
    end function buffers

    logical function bcasts() result(well)
        character(len=5) :: words(2)
        complex :: z(2, 2)
        logical :: flag
        real(c_double) :: long(50000)
        words = ''
        z = 0
        flag = .false.
        long = 0
        if (rank == 1) then
            words = ['hello', 'world']
            z = (1.0, -1.0)
            flag = .true.
            long = 3
        end if
        call weft_bcast(job, words, 1)
        call weft_bcast(job, z, 1)
        call weft_bcast(job, flag, 1)
        call weft_bcast(job, long(::2), 1)
        well = words(1) == 'hello' .and. words(2) == 'world' .and. all(z == (1.0, -1.0)) .and. flag
        well = well .and. all(long(1::2) == 3) .and. all(long(2::2) == merge(3, 0, rank == 1))
    end function bcasts

    logical function reductions() result(well)
        integer :: a(2, 3), s(2, 3)
        real(c_double) :: x, largest
        complex(c_double) :: z, product
        a = rank
        s = -1
        call weft_reduce(job, a, s, WEFT_SUM, 2)
        well = all(s == merge(n*(n - 1)/2, -1, rank == 2))
        call weft_reduce_in_place(job, a, WEFT_MAX, 0)
        well = well .and. all(a == merge(n - 1, rank, rank == 0))
        x = real(rank, c_double)/2
        call weft_allreduce(job, x, largest, WEFT_MAX)
        well = well .and. largest == real(n - 1, c_double)/2
        call weft_allreduce_in_place(job, x, WEFT_SUM)
        well = well .and. x == n*(n - 1)/4d0
        z = (0d0, 1d0)
        call weft_scan(job, z, product, WEFT_PROD)
        well = well .and. product == (0d0, 1d0)**(rank + 1)
        a = 1
        call weft_scan_in_place(job, a, WEFT_SUM)
        well = well .and. all(a == rank + 1)
    end function reductions

    logical function logicals() result(well)
        logical :: some, every, odd
        call weft_allreduce(job, rank == 3, some, WEFT_LOR)
        call weft_allreduce(job, rank /= 3, every, WEFT_LAND)
        call weft_allreduce(job, .true., odd, WEFT_LXOR)
        well = some .and. .not. every .and. (odd .eqv. modulo(n, 2) == 1)
    end function logicals

    logical function gathers() result(well)
        integer :: mine(2), every(2, n), nothing(0), back(2), i, ierr
        mine = [rank, -rank]
        every = 99
        call weft_gather(job, mine, every, 1)
        well = rank /= 1 .or. all(every(1, :) == [(i, i=0, n - 1)] .and. every(2, :) == [(-i, i=0, n - 1)])
        if (rank == 1) then
            call weft_scatter(job, every, back, 1)
        else
            call weft_scatter(job, nothing, back, 1)
        end if
        well = well .and. all(back == mine)
        if (rank == 0) then ! the mistake is seen before anything is sent
            call weft_gather(job, mine, every(:, 1), 0, ierr)
            well = well .and. ierr == WEFT_EINVAL
        end if
    end function gathers

    logical function everyone() result(well)
        integer :: i, a(n), b(n), c(2, n)
        call weft_allgather(job, rank*rank, a)
        well = all(a == [(i*i, i=0, n - 1)])
        b = 0
        b(rank + 1) = rank + 5
        call weft_allgather_in_place(job, b)
        well = well .and. all(b == [(i + 5, i=0, n - 1)])
        a = [(100*rank + i, i=0, n - 1)]
        call weft_alltoall(job, a, b)
        well = well .and. all(b == [(100*i + rank, i=0, n - 1)])
        call weft_allgather(job, [rank, 1], c)
        well = well .and. all(c(1, :) == [(i, i=0, n - 1)]) .and. all(c(2, :) == 1)
        call weft_barrier(job)
    end function everyone

    logical function splits() result(well)
        type(weft_team_t) :: half, none, listed
        integer :: sum, i
        call weft_team_split(job, modulo(rank, 2), -rank, half)
        call weft_allreduce(half, rank, sum, WEFT_SUM)
        well = sum == merge(2 + 4, 1 + 3, modulo(rank, 2) == 0)
        well = well .and. weft_team_rank(half) == (4 - rank)/2
        call weft_team_free(half)
        well = well .and. .not. weft_team_exists(half)
        call weft_team_split(job, -1, 0, none)
        well = well .and. .not. weft_team_exists(none)
        call weft_team_create([(weft_team_tid(job, i), i=n - 1, 0, -1)], weft_context_t(5), listed)
        well = well .and. weft_team_rank(listed) == n - 1 - rank
        call weft_barrier(listed)
        call weft_team_free(listed)
    end function splits

    logical function names() result(well)
        character(len=8) :: text
        integer :: numbers(3), ierr
        integer(c_size_t) :: nbytes
        text = 'nothing'
        if (rank == 0) call weft_name_put('crew.numbers', [1, 2, 3])
        call weft_name_wait('crew.numbers', numbers)
        well = all(numbers == [1, 2, 3])
        call weft_barrier(job)
        if (rank == 1) call weft_name_put('crew.numbers', 'a text', replace=.true.)
        call weft_barrier(job)
        call weft_name_get('crew.numbers', text, nbytes)
        well = well .and. nbytes == 6 .and. text(:6) == 'a text'
        call weft_barrier(job)
        if (rank == 2) call weft_name_delete('crew.numbers')
        call weft_barrier(job)
        call weft_name_get('crew.numbers', text, ierr=ierr)
        well = well .and. ierr == WEFT_ENOENT
    end function names

    logical function groups() result(well)
        integer :: instance, again, members, ierr
        type(weft_tid_t) :: tid
        call weft_group_join('crew', instance)
        call weft_barrier(job)
        call weft_group_size('crew', members)
        call weft_group_member('crew', instance, tid)
        call weft_group_instance('crew', weft_self(), again)
        well = members == n .and. tid == weft_self() .and. again == instance .and. instance < n
        call weft_group_barrier('crew', n)
        call weft_group_leave('crew')
        call weft_barrier(job)
        call weft_group_size('crew', members, ierr)
        well = well .and. (ierr == WEFT_ENOGROUP .or. members == 0)
    end function groups

    !> Rank 0 spawns two children, talks with them and hears of their end.
    logical function children() result(well)
        type(weft_tid_t) :: tids(2)
        type(weft_notice_t) :: notice
        type(weft_exit_t) :: how
        character(len=4096) :: program
        integer :: errors(2), started, i, answer, ierr
        well = .true.
        if (rank /= 0) return
        call get_command_argument(0, program)
        call weft_spawn(program, 2, tids, ['child', 'more '], errors=errors, started=started, env=['CREW=5'])
        well = started == 2 .and. all(errors == 0) .and. all(tids /= WEFT_NO_TID)
        call weft_notify(WEFT_NOTIFY_EXIT, 40, tids)
        do i = 1, 2
            call weft_send(tids(i), tag, 10*i)
            call weft_recv(tids(i), tag, answer)
            well = well .and. answer == 10*i + 5
        end do
        do i = 1, 2
            call weft_recv_notice(notice, 40, timeout_ms=20000)
            well = well .and. notice%what == WEFT_NOTIFY_EXIT .and. any(tids == notice%how%tid)
            well = well .and. notice%how%code == 0
        end do
        call weft_wait_exit(tids(1), how, 20000)
        well = well .and. how%code == 0 .and. how%signo == 0
        call weft_send(tids(1), tag, 1, ierr=ierr)
        well = well .and. ierr == WEFT_ENOTASK
        call weft_spawn('/nonexistent/program', 1, tids, ierr=ierr)
        well = well .and. ierr == WEFT_ENOFILE
    end function children

    !> Adds what $CREW says.
    subroutine child()
        integer :: value, more
        character(len=8) :: text
        call get_environment_variable('CREW', text)
        read (text, *) more
        call weft_recv(weft_parent(), tag, value)
        call weft_send(weft_parent(), tag, value + more)
    end subroutine child

end program crew
