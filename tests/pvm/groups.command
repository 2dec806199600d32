until pvm_gstat | grep -q "reached 2"; do :; done; pvm_gstat
