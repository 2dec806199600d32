#!/bin/sh
# flux.sh - a Weft program as a job of Flux:  flux batch flux.sh
#FLUX: --job-name=weft
#FLUX: -N3 -n6
#FLUX: -t 10m

# weft run asks Flux for the machines and cores of this instance and starts a daemon on each other machine by flux exec.
exec "${WEFT:-weft}" run "${EXAMPLES:-.}/hello"
