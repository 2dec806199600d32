!> heat_f - examples/heat.c in Fortran: 2-D heat diffusion on a square plate, its rows spread over the tasks.
!>
!> A row of the plate is a column of the array, so that rows are one piece of memory.
!> usage: heat_f [SIZE [STEPS]]
program heat_f
    use, intrinsic :: iso_fortran_env, only: real64, int64, error_unit
    use weft
    implicit none

    integer, parameter :: ROW_UP = 1, ROW_DOWN = 2, RESULT = 3
    type(weft_team_t) :: team
    type(weft_tid_t) :: above, below
    real(real64), allocatable :: now(:, :), whole(:, :)
    integer :: points, steps, rank, ntasks, first, rows
    logical :: right

    points = argument(1, 400, 3)
    steps = argument(2, 2000, 1)
    call weft_init()
    team = weft_team_job()
    rank = weft_rank()
    ntasks = weft_size()
    if (ntasks > points) then
        if (rank == 0) write (error_unit, '(a)') 'heat_f: more tasks than rows: take at most one task a row'
        stop 2, quiet=.true.
    end if

    above = WEFT_NO_TID
    below = WEFT_NO_TID
    if (rank > 0) above = weft_team_tid(team, rank - 1)
    if (rank < ntasks - 1) below = weft_team_tid(team, rank + 1)
    first = first_row(rank)
    rows = first_row(rank + 1) - first

    call start(now, first, rows)
    call run(now, first, rows, above, below)
    call gather(now, rows, whole)
    right = .true.
    if (rank == 0) call report(whole, right)
    call weft_fini()
    if (.not. right) stop 1, quiet=.true.

contains

    integer function argument(position, default, least)
        integer, intent(in) :: position, default, least
        character(len=32) :: text
        integer :: failed
        argument = default
        if (command_argument_count() < position) return
        call get_command_argument(position, text)
        read (text, *, iostat=failed) argument
        if (failed == 0 .and. argument >= least .and. argument <= 20000) return
        write (error_unit, '(a,i0,a)') 'heat_f: '//trim(text)//' is not a number from ', least, ' to 20000'
        stop 2, quiet=.true.
    end function argument

    integer function first_row(of_rank)
        integer, intent(in) :: of_rank
        first_row = int(int(points, int64)*of_rank/ntasks)
    end function first_row

    !> The temperature that a point is held at, or a negative number where it is free; counted from 0.
    pure real(real64) function held_at(row, column)
        integer, intent(in) :: row, column
        real(real64) :: dx, dy
        dy = row - 0.7_real64*points
        dx = column - 0.7_real64*points
        if (row == 0) then
            held_at = 100.0_real64
        else if (row == points - 1 .or. column == 0 .or. column == points - 1) then
            held_at = 0.0_real64
        else if (dx*dx + dy*dy < 0.01_real64*points*points) then
            held_at = 60.0_real64
        else
            held_at = -1.0_real64
        end if
    end function held_at

    !> Our rows, with a ghost row before and one behind.
    subroutine start(plate, from, nrows)
        real(real64), allocatable, intent(out) :: plate(:, :)
        integer, intent(in) :: from, nrows
        integer :: r, c
        allocate (plate(0:points - 1, 0:nrows + 1), source=0.0_real64)
        do r = 1, nrows
            do c = 0, points - 1
                plate(c, r) = max(held_at(from + r - 1, c), 0.0_real64)
            end do
        end do
    end subroutine start

    subroutine step(plate, from, nrows)
        real(real64), allocatable, intent(inout) :: plate(:, :)
        integer, intent(in) :: from, nrows
        real(real64), allocatable :: next(:, :)
        real(real64) :: t
        integer :: r, c
        allocate (next, mold=plate)
        next(:, 0) = 0.0_real64
        next(:, nrows + 1) = 0.0_real64
        do r = 1, nrows
            do c = 0, points - 1
                t = held_at(from + r - 1, c)
                if (t < 0.0_real64) t = 0.25_real64*(plate(c - 1, r) + plate(c + 1, r) &
                    + plate(c, r - 1) + plate(c, r + 1))
                next(c, r) = t
            end do
        end do
        call move_alloc(next, plate)
    end subroutine step

    subroutine run(plate, from, nrows, up, down)
        real(real64), allocatable, intent(inout) :: plate(:, :)
        integer, intent(in) :: from, nrows
        type(weft_tid_t), intent(in) :: up, down
        integer :: i
        do i = 1, steps
            call exchange(plate, nrows, up, down)
            call step(plate, from, nrows)
            if (rank == 0 .and. steps >= 10) then
                if (mod(i, steps/10) == 0) print '(a,i0,a,i0)', 'heat: step ', i, ' of ', steps
            end if
        end do
    end subroutine run

    !> Our outer rows to the neighbours, theirs into our ghost rows.
    subroutine exchange(plate, nrows, up, down)
        real(real64), intent(inout), asynchronous :: plate(0:, 0:)
        integer, intent(in) :: nrows
        type(weft_tid_t), intent(in) :: up, down
        type(weft_request_t) :: requests(4)
        requests = WEFT_NO_REQUEST
        if (up /= WEFT_NO_TID) then
            call weft_irecv(up, ROW_DOWN, plate(:, 0), requests(1))
            call weft_isend(up, ROW_UP, plate(:, 1), requests(2))
        end if
        if (down /= WEFT_NO_TID) then
            call weft_irecv(down, ROW_UP, plate(:, nrows + 1), requests(3))
            call weft_isend(down, ROW_DOWN, plate(:, nrows), requests(4))
        end if
        call weft_wait_all(requests)
    end subroutine exchange

    subroutine gather(plate, nrows, all_rows)
        real(real64), intent(in) :: plate(0:, 0:)
        integer, intent(in) :: nrows
        real(real64), allocatable, intent(out) :: all_rows(:, :)
        integer :: r
        if (rank > 0) then
            call weft_send(weft_team_tid(team, 0), RESULT, plate(:, 1:nrows))
            return
        end if
        allocate (all_rows(0:points - 1, 0:points - 1))
        all_rows(:, 0:nrows - 1) = plate(:, 1:nrows)
        do r = 1, ntasks - 1
            call weft_recv(weft_team_tid(team, r), RESULT, all_rows(:, first_row(r):first_row(r + 1) - 1))
        end do
    end subroutine gather

    subroutine report(all_rows, is_right)
        real(real64), intent(in) :: all_rows(0:, 0:)
        logical, intent(out) :: is_right
        real(real64), allocatable :: serial(:, :)
        real(real64) :: total, worst
        integer :: i, r, c
        total = 0.0_real64
        do r = 0, points - 1
            do c = 0, points - 1
                total = total + all_rows(c, r)
            end do
        end do
        print '(a,i0,a,i0,a,i0,a,i0,a,f0.9)', 'heat: ', points, ' x ', points, ' points, ', steps, ' steps, ', &
            ntasks, ' tasks: mean temperature ', total/(real(points, real64)*points)
        call start(serial, 0, points)
        do i = 1, steps
            call step(serial, 0, points)
        end do
        worst = maxval(abs(all_rows - serial(:, 1:points)))
        is_right = worst <= 1.0e-12_real64
        print '(a,es9.2,a)', 'heat: largest difference from the serial solution ', worst, &
            merge(': right', ': WRONG', is_right)
    end subroutine report
end program heat_f
