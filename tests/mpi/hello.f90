! Each rank says who it is; the sum of all ranks is known. The module's way.
program hello
  use mpi
  implicit none
  integer :: ierr, rank, ranks, total
  call MPI_Init(ierr)
  call MPI_Comm_rank(MPI_COMM_WORLD, rank, ierr)
  call MPI_Comm_size(MPI_COMM_WORLD, ranks, ierr)
  call MPI_Allreduce(rank, total, 1, MPI_INTEGER, MPI_SUM, MPI_COMM_WORLD, ierr)
  if (total /= ranks * (ranks - 1) / 2) call MPI_Abort(MPI_COMM_WORLD, 1, ierr)
  print '(a,i0,a,i0)', 'module: rank ', rank, ' of ', ranks
  call MPI_Finalize(ierr)
end program hello
