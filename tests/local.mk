include %D%/base/local.mk
include %D%/proto/local.mk
include %D%/link/local.mk
include %D%/transport/local.mk
include %D%/task/local.mk
include %D%/coord/local.mk
include %D%/node/local.mk
include %D%/console/local.mk
include %D%/fortran/local.mk
include %D%/examples/local.mk
include %D%/pvm/local.mk
include %D%/mpi/local.mk
include %D%/system/local.mk
include %D%/hosts/local.mk
include %D%/bench/local.mk
include %D%/model/local.mk
include %D%/checks/local.mk
EXTRA_DIST += %D%/cmocka.sh %D%/run.sh
