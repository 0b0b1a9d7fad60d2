"""The fault kit: one function for each way to break a bot, a process, a disk or a connection.

`docs/fault-kit.md` says what there is and how to write the test of a fault in ten lines.
"""

from tests.faults.clock import WallClock as WallClock
from tests.faults.clock import step_clock as step_clock
from tests.faults.disk import fill_disk as fill_disk
from tests.faults.disk import freezable_disk as freezable_disk
from tests.faults.disk import frozen_disk as frozen_disk
from tests.faults.disk import read_only as read_only
from tests.faults.disk import small_disk as small_disk
from tests.faults.gateway import Gateway as Gateway
from tests.faults.heartbeat import corrupt as corrupt
from tests.faults.heartbeat import lie as lie
from tests.faults.loop import block_loop as block_loop
from tests.faults.loop import deadlock as deadlock
from tests.faults.loop import end_thread as end_thread
from tests.faults.loop import hold_gil as hold_gil
from tests.faults.loop import leak_files as leak_files
from tests.faults.loop import leak_memory as leak_memory
from tests.faults.loop import leak_threads as leak_threads
from tests.faults.loop import spin as spin
from tests.faults.loop import stutter as stutter
from tests.faults.memory import limited_memory as limited_memory
from tests.faults.processes import freeze as freeze
from tests.faults.processes import kill as kill
from tests.faults.processes import starve_cpu as starve_cpu
from tests.faults.processes import traced as traced
