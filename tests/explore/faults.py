"""The faults of check_faults: what is changed where, and which scenarios must find it.

`in` is a text that the file has once; in it `old` becomes `new`. Expressions by default; with
`statement` the old one is left out and the new one, if any, comes in.
"""

RING = "include/sluice/detail/ring/ring.hpp"
POSITIONS = "include/sluice/detail/ring/positions.hpp"
ENDS = "include/sluice/detail/ring/ends.hpp"
HOME_LOCK_H = "include/sluice/detail/base/home_lock.hpp"
HOME_LOCK = "src/base/home_lock.cpp"
HOME = "src/channel/home.cpp"
HABITS = "src/channel/habits.hpp"
VISITOR = "include/sluice/detail/channel/visitor.hpp"
SEGMENTS = "include/sluice/detail/ring/segments.hpp"
SELECT = "include/sluice/select.hpp"
STORE = "include/sluice/detail/ring/segment_store.hpp"
LOCK = "include/sluice/detail/base/short_lock.hpp"
WAITER = "include/sluice/detail/park/waiter.hpp"
PARKER = "include/sluice/detail/park/parker.hpp"
THREAD = "src/park/thread_parker.cpp"
CORE_H = "include/sluice/detail/channel/core.hpp"
CORE = "src/channel/core.cpp"
CLOSE = "src/channel/close.cpp"
COUNTS = "src/channel/counts.cpp"
MEETING = "src/channel/meeting.cpp"
MUTEX_H = "include/sluice/mutex.hpp"
SEMAPHORE_H = "include/sluice/detail/sync/semaphore_core.hpp"
SEMAPHORE = "src/sync/semaphore.cpp"
MUTEX = "src/sync/mutex.cpp"
COUNTDOWN = "src/sync/countdown.cpp"
PARK_IN = "src/channel/park_in.hpp"
RUN_QUEUE = "src/sched/run_queue.hpp"
DEQUE = "src/sched/task_deque.hpp"
LANES = "src/sched/lanes.hpp"
INBOX = "src/sched/inbox.hpp"
TIMERS = "src/sched/timers.hpp"
IDLE = "src/sched/idle.cpp"
SPREAD = "src/sched/spread.cpp"
IDLE_H = "src/sched/idle.hpp"
STEALING = "src/sched/stealing.cpp"
GATE = "src/sched/gate.hpp"
WORKER = "src/sched/worker.cpp"
FAIR = "src/sched/fair_turns.cpp"
SWITCH = "src/sched/worker_switch.hpp"
FIBER = "src/sched/fiber.cpp"
FIBER_H = "src/sched/fiber.hpp"
SCHEDULER = "src/sched/scheduler.cpp"
TICKER = "src/sched/ticker.cpp"
BLOCKING = "src/go/blocking.cpp"
SCOPE = "src/go/scope.cpp"
CHOICE = "src/select/select.cpp"
SELECTOR = "src/select/selector.cpp"
BARRIER = "src/sync/barrier.cpp"
GETTING = "include/sluice/detail/channel/getting.hpp"
CENSUS_H = "src/sched/census.hpp"
CENSUS = "src/sched/census.cpp"
TASK = "src/sched/task_core.cpp"
TASK_H = "include/sluice/detail/sched/task_core.hpp"
STOPS = "src/park/stops.cpp"
POOL = "src/fiber/stack_pool.cpp"
POOL_H = "src/fiber/stack_pool.hpp"
RELAXED = "memory_order_relaxed"


def weaker(name, file, where, old, by, new=RELAXED):
    return {"name": name, "file": file, "in": where, "old": old, "new": new, "by": by}


def left_out(name, file, where, old, by, new=""):
    return {"name": name, "file": file, "in": where, "old": old, "new": new, "by": by,
            "statement": True}


FAULTS = [
    # ---- ring
    weaker("ring: S2 publishes relaxed", RING,
           "S2 release, pairs with the acquire in claim_get\n"
           "    at.where->stamp.store(at.after, memory_order_release);",
           "memory_order_release", ["ring: one putter, one"]),
    weaker("ring: G2 releases relaxed", RING,
           "G2 release, pairs with the acquire in claim_put\n"
           "    at.where->stamp.store(at.after, memory_order_release);",
           "memory_order_release", ["ring: laps"]),
    weaker("ring: a getter looks at the stamp relaxed", RING,
           "if (slot_at(head).stamp.load(memory_order_acquire) == lap_of(head) + 1) [[likely]] {",
           "memory_order_acquire", ["ring: one putter, one"]),
    weaker("ring: a putter looks at the stamp relaxed", RING,
           "if (slot_at(tail).stamp.load(memory_order_acquire) == lap_of(tail)) [[likely]] {",
           "memory_order_acquire", ["ring: laps"]),
    weaker("ring: published and free have the same stamp at capacity 1", POSITIONS,
           "return std::bit_ceil(static_cast<position>(capacity) + 1);",
           "static_cast<position>(capacity) + 1", ["ring: laps", "ring: two putters"],
           "static_cast<position>(capacity)"),
    weaker("ring: claims are plain stores", ENDS,
           "return end.compare_exchange_strong(from, to, memory_order_seq_cst, memory_order_relaxed);",
           "end.compare_exchange_strong(from, to, memory_order_seq_cst, memory_order_relaxed)",
           ["ring: two putters"], "(end.store(to, memory_order_seq_cst), true)"),
    weaker("ring: full is said where the slot is busy", RING,
           "if (bare(head) + lap_ == bare(tail)) {", "bare(head) + lap_ == bare(tail)",
           ["capacity 1: put | put | get | get", "capacity 1: try_put | get", "capacity 1, 1"],
           "true"),
    weaker("ring: the close is not one operation", RING,
           "return (tail_.fetch_or(closed_bit, memory_order_seq_cst) & closed_bit) == 0;",
           "tail_.fetch_or(closed_bit, memory_order_seq_cst)",
           ["ring: a close"],
           "[&] { const auto t = tail_.load(memory_order_seq_cst);"
           " tail_.store(t | closed_bit, memory_order_seq_cst); return t; }()"),
    # ---- segments
    weaker("segments: S2 publishes relaxed", SEGMENTS,
           "at.where->state.store(stage::published, memory_order_release);", "memory_order_release",
           ["segments: in order, in the middle"]),
    weaker("segments: is_published looks relaxed", SEGMENTS,
           "return at.where->state.load(memory_order_acquire) == stage::published;",
           "memory_order_acquire", ["segments: in order, in the middle"]),
    weaker("segments: D2 leaves relaxed", SEGMENTS,
           "at.where->state.store(stage::left, memory_order_release);",
           "memory_order_release", ["segments: getters leave"]),
    weaker("segments: D1 looks at nothing", STORE,
           "return all == left;", "all == left", ["segments: getters leave"], "true"),
    left_out("segments: the spare one stays", STORE,
             "delete spare_.load(memory_order_relaxed);",
             "delete spare_.load(memory_order_relaxed);", ["segments: in order, over"]),
    left_out("handles: the last one leaves the channel", COUNTS,
             "joiners_.empty()));\n  delete this;", "delete this;", ["handles: the last handle"]),
    weaker("segments: M2 is relaxed", SEGMENTS,
           "tail_.index.fetch_add(1, memory_order_release);", "memory_order_release",
           ["segments: two putters, two getters, over", "segments: a close"]),
    weaker("segments: M4 is relaxed", SEGMENTS,
           "head_.index.fetch_add(1, memory_order_release);", "memory_order_release",
           ["segments: two putters, two getters, over"]),
    weaker("segments: the last item is got at once", SEGMENTS,
           "at_once_.store(std::min(open_tail - 1, last_slot), memory_order_release);",
           "open_tail - 1", ["channel, unbounded, 2 inside"], "open_tail"),
    weaker("segments: a last slot is claimed at once", SEGMENTS,
           "at_once_.store(std::min(open_tail - 1, last_slot), memory_order_release);",
           "last_slot", ["segments: at once, before"], "last_slot + 1"),
    left_out("segments: it is said before head has moved on", SEGMENTS,
             "if (offset + 1 == slots) move_head_on(in);",
             "if (offset + 1 == slots) move_head_on(in);", ["segments: at once"],
             " else if (offset + 1 == slots) {"
             " allow_at_once(whole(head + 1), open_tail); move_head_on(in); }"),
    # ---- the short lock
    weaker("lock: unlock is relaxed", LOCK,
           "held_.store(false, memory_order_release);", "memory_order_release", ["lock:"]),
    weaker("lock: lock is relaxed", LOCK,
           "while (held_.exchange(true, memory_order_acquire)) [[unlikely]]", "memory_order_acquire",
           ["lock:"]),
    weaker("lock: a lock that was free is taken relaxed", LOCK,
           "return !held_.exchange(true, memory_order_acquire);", "memory_order_acquire", ["rendezvous: put | get"]),
    weaker("lock: test and set are two steps", LOCK,
           "while (held_.exchange(true, memory_order_acquire)) [[unlikely]]",
           "held_.exchange(true, memory_order_acquire)", ["lock:"],
           "held_.load(memory_order_acquire) || (held_.store(true, memory_order_relaxed), false)"),
    # ---- the parker and the waiter
    weaker("parker: P3 is relaxed", PARKER,
           "const std::uint32_t before = word_.exchange(notified, memory_order_acq_rel);",
           "memory_order_acq_rel", ["rendezvous: put | get"]),
    weaker("parker: P3 looks, then stores", PARKER,
           "const std::uint32_t before = word_.exchange(notified, memory_order_acq_rel);",
           "word_.exchange(notified, memory_order_acq_rel)", ["rendezvous: put | get"],
           "[&] { const auto was = word_.load(memory_order_acquire);"
           " word_.store(notified, memory_order_release); return was; }()"),
    left_out("parker: who is parked is not woken", PARKER,
             "if (before == asleep) wake_in_kernel(word_);", "wake_in_kernel(word_);",
             ["rendezvous: put | get"]),
    weaker("parker: the time is over, but the claim is not asked", THREAD,
           "if (w.try_claim(outcome::timed_out)) break;  // nobody else will unpark",
           "w.try_claim(outcome::timed_out)", ["capacity 1: get_for |"],
           "static_cast<void>(w.try_claim(outcome::timed_out)), true"),
    left_out("parker: a thread that wakes without a cause is done", THREAD,
             "if (futex_wait(word_, asleep, until) != futex_result::timed_out) continue;",
             "if (futex_wait(word_, asleep, until) != futex_result::timed_out) continue;",
             ["capacity 1: put | get"],
             """else if (futex_wait(word_, asleep, until) != futex_result::timed_out) {
        static_cast<void>(word_.load(memory_order_acquire));
        break;
      }"""),
    weaker("waiter: who ends it is not decided by one operation", WAITER,
           """      // order: acq_rel, one claim decides (I5); acquire on failure pairs with the winner's store
      if (claim_.compare_exchange_strong(seen, to, memory_order_acq_rel, memory_order_acquire))""",
           "claim_.compare_exchange_strong(seen, to, memory_order_acq_rel, memory_order_acquire)",
           ["capacity 1: get_for |", "get | get_for | put"],
           "(seen = claim_.load(memory_order_acquire)) == outcome::waiting &&"
           " (claim_.store(to, memory_order_release), true)"),
    # ---- channels
    weaker("channel: S3 is relaxed", CORE_H,
           "if (getters_waiting_.load(memory_order_seq_cst) != 0) look_after_put();",
           "memory_order_seq_cst", ["capacity 1: put | get", "unbounded: put | get"]),
    weaker("channel: G3 is relaxed", CORE_H,
           "if (putters_waiting_.load(memory_order_seq_cst) != 0) serve();",
           "memory_order_seq_cst", ["capacity 1, 1 inside: put | get"]),
    weaker("channel: a put serves nobody", CORE_H,
           "if (getters_waiting_.load(memory_order_seq_cst) != 0) look_after_put();",
           "getters_waiting_.load(memory_order_seq_cst) != 0", ["capacity 1: put | get"], "false"),
    weaker("channel: R4 counts relaxed", HABITS,
           "count.fetch_add(1, memory_order_seq_cst);", "memory_order_seq_cst", ["capacity 1: put | get", "unbounded: put | get"]),
    left_out("channel: no second look after enlisting", CORE,
             """  for (;;) {
    settle(jobs);
    const bool has_looked""", "settle(jobs);", ["capacity 1: put | get"]),
    weaker("channel: the only one in line parks beside a busy place", CORE,
           "if (found == claim::none) {",
           "found == claim::none", ["capacity 1: put | get"],
           "found == claim::none || (alone && found == claim::busy)"),
    weaker("channel: the only one in line parks beside a place that it could have", CORE,
           "settle_own(s, node, found != claim::ok ? job::none : puts ? job::put : job::get);",
           "found != claim::ok", ["capacity 1: put | get"], "true"),
    weaker("channel: parks beside a busy place", CORE,
           "const bool has_looked = jobs.count() < jobs_at_once && last_look(s) != claim::busy;",
           "jobs.count() < jobs_at_once && last_look(s) != claim::busy", ["capacity 1: put | get"],
           "true"),
    weaker("channel: a settle that has enough counts as a look of the own", CORE,
           "const bool has_looked = jobs.count() < jobs_at_once && last_look(s) != claim::busy;",
           "jobs.count() < jobs_at_once", ["channel, in steps"], "true"),
    left_out("channel: the close wakes nobody", CLOSE,
             """    count_joiners();
    settle(jobs);""", "settle(jobs);", ["capacity 1: get | close"]),
    left_out("channel: the close does not count the joiners", CLOSE,
             """    count_joiners();
    settle(jobs);""", "count_joiners();", ["capacity 1, 1 inside: get | close | join", "put close | get get | join"]),
    weaker("channel: no look after the jobs", CORE,
           "if (!again) return;", "!again",
           ["channel, capacity 1: put | put | get | get", "capacity 1: put put | put_for | get get",
            "capacity 1: put put | get get"], "true"),
    left_out("channel: one that waits alone and cannot be served stays reserved", CORE,
             """    node->owner->unreserve();
    return serve_all();""", "node->owner->unreserve();",
             ["capacity 1: put | get", "capacity 1: put put | put_for | get get",
              "capacity 1: put put | get get"]),
    weaker("channel: who is served alone leaves the joiners", CORE,
           "if (node == nullptr || node->next != nullptr || !joiners_.empty()) return serve_all();",
           "!joiners_.empty()", ["capacity 1, 1 inside: get | close | join",
                                 "put close | get get | join", "join"], "false"),
    weaker("channel: a portion has no next turn", CORE,
           "const bool crowd = jobs.count() == jobs_at_once;", "jobs.count() == jobs_at_once",
           ["capacity 1: get | get | get | close"], "false"),
    left_out("channel: a named put looks how full it is and serves nobody", CORE,
             "  note_fill();\n  if (getters_wait()) serve();", "if (getters_wait()) serve();",
             ["named channel, capacity 1: put | get"]),
    left_out("channel: one that leaves stays in the list", CORE,
             "wait.where().withdraw(wait.where().*mine, wait.node);",
             "wait.where().withdraw(wait.where().*mine, wait.node);",
             ["capacity 1: get_for | get_for"]),
    left_out("meeting: the partner is unparked before the item is there", MEETING,
             """  move_item(from, to);
  edge_from(&partner);""", "move_item(from, to);", ["rendezvous: put | get"],
             "if (::sluice::explore::fault == NUMBER) { partner.owner->strand().unpark();"
             " move_item(from, to); return; }"),
    # ---- handles, select
    weaker("handles: the last one does not see what others did", COUNTS,
           "if (handles_.fetch_sub(1, memory_order_acq_rel) != 1) return;",
           "memory_order_acq_rel", ["handles: the last handle deletes"]),
    left_out("select: who passes a node over does not mark it", CORE,
             "  pop(s, node);\n  node.passed = true;\n}", "node.passed = true;",
             ["select: two of them", "select: puts in both"]),
    left_out("select: a node whose wait has ended ends the serving", CORE,
             "pass_over(getters_, *node);\n      continue;", "continue;",
             ["select: two of them"], "if (::sluice::explore::fault == NUMBER) break;"),
    weaker("select: in order, a look that skips somebody is trusted", SELECT,
           "if (Order == trial_order::as_given && skipped != 0) return;",
           "Order == trial_order::as_given && skipped != 0",
           ["select: in order"], "false"),
    weaker("select: a place is claimed for a wait that is not reserved", CORE,
           "if (!owner.try_reserve()) {\n      pass_over(getters_, *node);",
           "!owner.try_reserve()", ["select: two of them", "select: puts in both"],
           "owner.result() != outcome::waiting"),
    weaker("select: the trial alone says that nothing is ready", CHOICE,
           "if (none_was_ready(table)) return if_none;", "none_was_ready(table)",
           ["select: what is ready moves"], "true"),
    left_out("select: who comes to meet is not counted", MEETING,
             "  s.push_back(node);\n  ++linked_;", "++linked_;",
             ["select: what is ready comes and goes"]),
    left_out("selector: a put case that is done is tried again", SELECTOR,
             "channels_.erase(std::ranges::find(channels_, one));",
             "channels_.erase(std::ranges::find(channels_, one));", ["selector: two meet"]),
    left_out("range: a step leaves the item", GETTING,
             "    drop_item();\n    return *this;\n  }\n  /// As `++it`", "drop_item();",
             ["range:"]),
    # ---- pairs
    left_out("channel: a putter that is stopped stays in the list", CORE,
             "wait.where().withdraw(wait.where().*mine, wait.node);",
             "wait.where().withdraw(wait.where().*mine, wait.node);",
             ["full: put | stop | get", "rendezvous: put | stop | get"],
             "if (::sluice::explore::fault == NUMBER &&"
             " (mine != &channel_core::putters_ || how != outcome::cancelled))"
             " wait.where().withdraw(wait.where().*mine, wait.node);"),
    left_out("channel: a putter whose wait has ended ends the serving", CORE,
             "pass_over(putters_, *node);\n      continue;", "continue;",
             ["full: put | stop | put | get"], "if (::sluice::explore::fault == NUMBER) break;"),
    weaker("select: room is claimed for a put that is not reserved", CORE,
           "if (!owner.try_reserve()) {\n      pass_over(putters_, *node);",
           "!owner.try_reserve()", ["full: select_put | stop | put | get"],
           "owner.result() != outcome::waiting"),
    left_out("select: a put case of a bounded channel stays in the list", CORE,
             "kind_ == channel_kind::rendezvous ? mine.remove(node) : pop(mine, node);",
             "kind_ == channel_kind::rendezvous ? mine.remove(node) : pop(mine, node);",
             ["capacity 1, full: select_put | stop | try_get"],
             "if (::sluice::explore::fault == NUMBER &&"
             " (kind_ != channel_kind::bounded || which != side::put))"
             " kind_ == channel_kind::rendezvous ? mine.remove(node) : pop(mine, node);"),
    weaker("select: a case that is to be told of the end goes out of play", CORE,
           "if (node.leaves_at_end && cause_ == nullptr) {", "node.leaves_at_end",
           ["goes: select_get | last sender"], "true"),
    # ---- stops
    weaker("waiter: a stop claims without the lock", WAITER,
           "return decided_ == decided::by_claim ? try_claim(outcome::cancelled)",
           "decided_ == decided::by_claim",
           ["stops: a get that may be met", "fibers: a stop or a meeting"], "true"),
    left_out("fiber: whoever wakes it leaves the one who holds it behind", FIBER,
             "for (backoff pause; word_.load(memory_order_acquire) != released;) pause.pause();\n"
             "  wake();",
             "for (backoff pause; word_.load(memory_order_acquire) != released;) pause.pause();",
             ["fibers: a stop or a meeting whose channel goes"]),
    left_out("waiter: a claim under the lock does not look", WAITER,
             "if (claim_.load(memory_order_relaxed) != outcome::waiting) [[unlikely]]\n"
             "      return false;",
             "if (claim_.load(memory_order_relaxed) != outcome::waiting) [[unlikely]]\n"
             "      return false;",
             ["stops: a get that may be met", "fibers: a stop or a meeting"]),
    weaker("waiter: a wait with a time limit is claimed without a compare-and-swap", PARK_IN,
           "fiber != nullptr && until.is_none() ? decided::under_lock", "until.is_none()",
           ["rendezvous: put | get_for", "rendezvous: put_for | get_for"], "true"),
    weaker("stops: a thread does not look after it has shown its wait", THREAD,
           "const bool stopped = stops_.requested() && w.try_claim_for_stop();",
           "stops_.requested()", ["stops: a get"], "false"),
    weaker("stops: whoever stops a wait does not unpark", THREAD,
           "if (ours) unpark();", "ours", ["stops: a get"], "false"),
    # ---- sync
    weaker("sync: unlock is relaxed", MUTEX_H,
           """    return word_.compare_exchange_strong(seen, 0, detail::memory_order_release,""",
           "detail::memory_order_release", ["sync: a mutex excludes"], "detail::" + RELAXED),
    weaker("sync: a semaphore releases relaxed", SEMAPHORE,
           "if (word_.compare_exchange_weak(seen, (there + added) * one, memory_order_release,",
           "memory_order_release", ["sync: a semaphore"]),
    left_out("sync: a claim of a permit that fails without a cause is believed", SEMAPHORE_H,
             """      if (word_.compare_exchange_weak(seen, seen - one, memory_order_acquire,
                                      memory_order_relaxed)) {
        return true;
      }""", """      if (word_.compare_exchange_weak(seen, seen - one, memory_order_acquire,
                                      memory_order_relaxed)) {
        return true;
      }""", ["sync: a semaphore hands on"],
             """else return word_.compare_exchange_weak(seen, seen - one, memory_order_acquire,
                                                    memory_order_relaxed);"""),
    left_out("sync: unlock wakes nobody", MUTEX,
             "lock_.unlock();\n      strand.unpark();", "strand.unpark();",
             ["sync: a mutex excludes"]),
    weaker("sync: a count goes down relaxed", COUNTDOWN,
           "wakes ? 0 : seen - taken * one, memory_order_release", "memory_order_release",
           ["sync: a latch", "sync: a group"]),
    left_out("sync: the last count wakes nobody", COUNTDOWN,
             "win_all(waiters_, won);", "win_all(waiters_, won);", ["sync: a latch"]),
    # ---- barrier
    weaker("barrier: who arrives does not tell what came before", BARRIER,
           "} while (!missing_.compare_exchange_weak(seen, seen - count, memory_order_acq_rel,",
           "memory_order_acq_rel", ["barrier:"], "memory_order_acquire"),
    weaker("barrier: the last to arrive does not hear what came before", BARRIER,
           "} while (!missing_.compare_exchange_weak(seen, seen - count, memory_order_acq_rel,",
           "memory_order_acq_rel", ["barrier:"], "memory_order_release"),
    weaker("barrier: the end of a phase that nobody waits for is relaxed", BARRIER,
           "if (word_.compare_exchange_strong(seen, seen + one, memory_order_release,"
           " memory_order_relaxed)) {", "memory_order_release", ["barrier:"]),
    left_out("barrier: the end of a phase wakes nobody", BARRIER,
             "    win_all(waiters_, won);", "win_all(waiters_, won);", ["barrier:"]),
    left_out("barrier: the next phase begins before its count is set", BARRIER,
             """  // order: relaxed, the word makes it visible
  missing_.store(next, memory_order_relaxed);""",
             "missing_.store(next, memory_order_relaxed);", ["barrier: two phases"],
             """struct late {
    atomic<std::ptrdiff_t>& count;
    const std::ptrdiff_t next;
    ~late() { if (::sluice::explore::fault == NUMBER) count.store(next, memory_order_relaxed); }
  } const set_late{missing_, next};"""),
    weaker("barrier: who waits does not look whether the phase is over", BARRIER,
           "if (seen / one != phase) return;", "seen / one != phase", ["barrier:"], "false"),
    # ---- the queues of a worker
    weaker("queues: a push is relaxed", RUN_QUEUE,
           """    // order: release, pairs with the acquire in pop and take_half
    tail_.store(tail + 1, memory_order_release);""", "memory_order_release",
           ["queues: a thief"]),
    weaker("queues: a thief takes by a plain store", RUN_QUEUE,
           """    } while (!head_.compare_exchange_weak(head, head + count, memory_order_acq_rel,
                                          memory_order_acquire));""",
           """head_.compare_exchange_weak(head, head + count, memory_order_acq_rel,
                                          memory_order_acquire)""",
           ["queues: a thief"], "head_.store(head + count, memory_order_release), true"),
    weaker("queues: the owner moves tail relaxed", DEQUE,
           "tail_.store(last, memory_order_seq_cst);", "memory_order_seq_cst",
           ["queues: the newest"]),
    weaker("queues: a thief looks at tail relaxed", DEQUE,
           "if (head >= tail_.load(memory_order_seq_cst)) return nullptr;",
           "memory_order_seq_cst", ["queues: the newest"]),
    left_out("queues: of two that change places one stays", RUN_QUEUE,
             "other.store(one, memory_order_relaxed);", "other.store(one, memory_order_relaxed);",
             ["queues: the owner alone"]),
    weaker("queues: half is shed by a plain store", RUN_QUEUE,
           """    if (!head_.compare_exchange_strong(head, head + count, memory_order_release,
                                       memory_order_relaxed)) {""",
           """head_.compare_exchange_strong(head, head + count, memory_order_release,
                                       memory_order_relaxed)""",
           ["queues: a run queue"], "(head_.store(head + count, memory_order_release), true)"),
    weaker("queues: the owner does not see how far thieves are", RUN_QUEUE,
           "if (tail - head_.load(memory_order_acquire) == capacity) return false;",
           "tail - head_.load(memory_order_acquire) == capacity", ["queues: a run queue"],
           "tail - head_.load(memory_order_acquire) == capacity + 1"),
    weaker("queues: a full task deque is not seen to be full", DEQUE,
           "if (tail - head_.load(memory_order_acquire) >= capacity) return false;",
           "tail - head_.load(memory_order_acquire) >= capacity", ["queues: a task deque"],
           "false"),
    weaker("queues: the oldest task is taken by a plain store", DEQUE,
           """    const bool won =
        head_.compare_exchange_strong(head, head + 1, memory_order_seq_cst, memory_order_relaxed);""",
           "head_.compare_exchange_strong(head, head + 1, memory_order_seq_cst, memory_order_relaxed)",
           ["queues: a task deque"], "(head_.store(head + 1, memory_order_seq_cst), true)"),
    # ---- at home
    weaker("home: a guest sends no barrier", HOME_LOCK,
           "if (!send_process_barrier()) {  // L4", "!send_process_barrier()", ["at home"], "false"),
    left_out("home: an owner does not say that it is inside", HOME_LOCK_H,
             "self.inside.store(this, memory_order_release);\n    keep_order",
             "self.inside.store(this, memory_order_release);", ["at home"]),
    weaker("home: an owner does not look again whether it is one", HOME_LOCK_H,
           "if (home_.load(memory_order_relaxed) == whose) [[likely]]",
           "home_.load(memory_order_relaxed) == whose", ["at home"], "true"),
    weaker("home: a guest does not wait for the owner's end inside", HOME_LOCK,
           "who.inside.load(memory_order_acquire) == this;",
           "who.inside.load(memory_order_acquire) == this", ["at home"], "false"),
    weaker("home: a guest does not see what the owner did", HOME_LOCK,
           "who.inside.load(memory_order_acquire) == this;", "memory_order_acquire", ["at home"]),
    weaker("home: an owner leaves before it is done", HOME_LOCK_H,
           "self.inside.store(nullptr, memory_order_release);", "memory_order_release", ["at home"]),
    weaker("home: whoever takes the lock does not ask whether it is at home", HOME_LOCK_H,
           "if (!is_at_home()) [[likely]]\n      return true;", "!is_at_home()", ["at home"], "true"),
    weaker("home: whoever waits for the lock lets nobody leave", HOME_LOCK,
           "if (is_at_home()) let_leave();", "is_at_home()", ["at home"], "false"),
    weaker("home: an owner unlocks as all others", HOME_LOCK_H,
           "if (is_at_home()) return leave(this_owner());", "is_at_home()", ["at home"], "false"),
    weaker("home: an owner that is one no more believes itself inside", HOME_LOCK_H,
           "    leave(self);\n    return false;", "false", ["at home"], "true"),
    left_out("home: the ends do not tell that it is at home", HOME,
             "  bring_home();\n  lock_.move_in();", "bring_home();",
             ["capacity 1, at home with 1, 1 inside: put | get"]),
    left_out("home: a claim that is under way does not fail", ENDS,
             "tail.fetch_or(home_bit, memory_order_relaxed);",
             "tail.fetch_or(home_bit, memory_order_relaxed);",
             ["unbounded, at home with 1: put | put"],
             "tail.store(tail.load(memory_order_relaxed) | home_bit, memory_order_relaxed);"),
    weaker("home: the ends tell it for ever", HOME, "if (!lock_.is_at_home()) share();",
           "!lock_.is_at_home()", ["at home"], "false"),
    weaker("home: a guest claims as the owner does", VISITOR,
           "owner* const self = at.enter_claim();", "at.enter_claim()",
           ["unbounded, at home with 1: put | put"], "&this_owner()"),
    weaker("home: R4 of those who are not at home is plain", HABITS,
           "if (lock_.is_at_home()) {\n    // order: relaxed, whoever", "lock_.is_at_home()",
           ["capacity 1: put | get", "unbounded: put | get"], "true"),
    weaker("home: head moves on before tail is seen", RING,
           "head_.store(index == last_ ? head - index + lap_ : head + 1, memory_order_release);",
           "memory_order_release", ["questions: at home"]),
    weaker("home: tail moves on before head is seen", RING,
           "tail_.store(then, memory_order_release);", "memory_order_release",
           ["questions: at home"]),
    weaker("gate: no barrier before the look inside", GATE,
           "if (!send_process_barrier()) {  // Q4", "!send_process_barrier()", ["queues: a gate"],
           "false"),
    left_out("gate: an owner does not say that it is inside", GATE,
             "inside_.store(true, memory_order_relaxed);",
             "inside_.store(true, memory_order_relaxed);", ["queues: a gate"]),
    weaker("gate: an owner does not look at it", GATE,
           "if (state_.load(memory_order_acquire) == closed) [[likely]]",
           "state_.load(memory_order_acquire) == closed", ["queues: a gate"], "true"),
    weaker("gate: a thief does not look whether the owner is inside", GATE,
           "if (!inside_.load(memory_order_acquire)) {", "!inside_.load(memory_order_acquire)",
           ["queues: a gate"], "true"),
    weaker("gate: it is closed beside a guest", GATE,
           "|| (now & (opening | guests)) != 0) return;", "(now & (opening | guests)) != 0",
           ["queues: a gate is closed"], "false"),
    weaker("gate: an owner does not see what was stolen before it was closed", GATE,
           "if (state_.load(memory_order_acquire) == closed) [[likely]]\n      return true;",
           "memory_order_acquire", ["queues: a gate is closed"]),
    weaker("gate: a guest leaves relaxed", GATE,
           "state_.fetch_add(one_theft - one_guest, memory_order_release);",
           "memory_order_release", ["queues: a gate is closed"]),
    weaker("gate: a second thief comes in while the first opens it", GATE,
           "if (now == opening || now == asked) return false;", "now == opening",
           ["queues: a gate, two thieves"], "false"),
    weaker("gate: a second guest does not see what was taken before the first", GATE,
           "opens ? opening : now + one_guest, memory_order_acquire,", "memory_order_acquire",
           ["queues: a gate before a task"]),
    weaker("gate: the first guest does not tell the second", GATE,
           "state_.store(open + one_guest, memory_order_release);", "memory_order_release",
           ["queues: a gate before a task"]),
    weaker("gate: an owner leaves before it has taken", GATE,
           "inside_.store(false, memory_order_release);", "memory_order_release",
           ["queues: a gate before a task"]),
    weaker("gate: a thief does not see what an owner that has left has taken", GATE,
           "if (!inside_.load(memory_order_acquire)) {", "memory_order_acquire",
           ["queues: a gate before a task"]),
    weaker("gate: an owner that is asked tells nobody what it has taken", GATE,
           "state_.store(open, memory_order_release);", "memory_order_release",
           ["queues: a gate before a task, and no"]),
    weaker("gate: without a barrier a thief comes in", GATE,
           "if (!send_process_barrier()) {  // Q4", "!send_process_barrier()",
           ["queues: a gate, and no barrier"], "(send_process_barrier(), false)"),
    left_out("gate: the owner does not hear who asks", GATE, "open_if_asked();\n    return false;",
             "open_if_asked();", ["queues: a gate, and no barrier"]),
    left_out("queues: a lane that is empty keeps its end", LANES,
             "if (from.first == nullptr) from.last = nullptr;",
             "if (from.first == nullptr) from.last = nullptr;", ["queues: a backlog"]),
    left_out("queues: an inbox that is empty keeps its end", INBOX,
             "if (head_ == nullptr) tail_ = nullptr;", "if (head_ == nullptr) tail_ = nullptr;",
             ["queues: an inbox"]),
    weaker("idle: W4 is release only", INBOX,
           "count_.fetch_add(n, memory_order_seq_cst);", "memory_order_seq_cst",
           ["queues: an inbox before"], "memory_order_release"),
    weaker("idle: W2 is acquire only", INBOX,
           "return count_.load(memory_order_seq_cst) > 0;", "memory_order_seq_cst",
           ["queues: an inbox before"], "memory_order_acquire"),
    # ---- going to sleep
    weaker("idle: a worker does not look again before it sleeps", IDLE,
           "return !me.overflow().empty() || home_.incoming().any_counted();",
           "home_.incoming().any_counted()",
           ["runtime: a task from outside", "runtime: a wake from outside"], "false"),
    weaker("idle: a worker does not look whether it is over", IDLE,
           "if (has_work(me) || home_.over()) return delist(me);",
           "home_.over()", ["runtime: a task from outside"], "false"),
    left_out("idle: a worker says that it is idle after it has looked", IDLE,
             """  enlist(me);
  // Perhaps a thief has just given it a seat, or the ticker has ended a slice.
  leave_seat(me);
  me.forget_slice();
  if (has_work(me) || home_.over()) return delist(me);""",
             """enlist(me);
  // Perhaps a thief has just given it a seat, or the ticker has ended a slice.
  leave_seat(me);
  me.forget_slice();
  if (has_work(me) || home_.over()) return delist(me);""",
             ["runtime: a task from outside", "runtime: a wake from outside"],
             "else { if (has_work(me) || home_.over()) return; enlist(me); }"),
    left_out("idle: work from outside wakes nobody", IDLE,
             "  if (one != nullptr) rouse(*one);\n  return one != nullptr;",
             "if (one != nullptr) rouse(*one);", ["runtime: a task from outside"]),
    left_out("idle: the watch is not passed on", IDLE,
             "if (watcher_.load(memory_order_relaxed) == &me) pass_watch_on();",
             "if (watcher_.load(memory_order_relaxed) == &me) pass_watch_on();",
             ["runtime: a busy fiber", "runtime: more than"]),
    left_out("idle: nobody becomes the watcher", IDLE,
             """    } else {
      return;
    }
  }
  if (one != nullptr) rouse(*one);
}

void idle_policy::pass_watch_on()""", "if (one != nullptr) rouse(*one);",
             ["runtime: a busy fiber"]),
    left_out("idle: nobody keeps the earliest timer", IDLE,
             "  keeper_until_ = earliest;\n  return earliest;", "return earliest;",
             ["runtime: a timer from outside"], "return no_deadline;"),
    weaker("idle: who goes to sleep does not look for a gift", IDLE,
           "return !me.overflow().empty() || home_.incoming().any_counted();",
           "!me.overflow().empty()", ["runtime: ready fibers"], "false"),
    weaker("idle: a push may find the watcher that was", IDLE_H,
           "watcher_.load(memory_order_seq_cst) != nullptr;", "memory_order_seq_cst",
           ["idle: busy, and busy again"], "memory_order_acquire"),
    weaker("idle: the watch is given up by a release", IDLE,
           "watcher_.store(nullptr, memory_order_seq_cst);", "memory_order_seq_cst",
           ["idle: busy, and busy again"], "memory_order_release"),
    weaker("idle: all looks come too soon after the last one", IDLE,
           "if (since < shortest_look) return steal_again(me);", "since < shortest_look",
           ["idle: busy beside one that goes"], "true"),
    weaker("idle: a look that comes too soon puts off the next one", IDLE,
           "if (since < shortest_look) return steal_again(me);", "since < shortest_look",
           ["idle: busy beside one that is disturbed"],
           "(me.idle.looked = now, since < shortest_look)"),
    left_out("idle: nobody remembers that a task has waited", IDLE,
             "before.fresh_waits = waits;", "before.fresh_waits = waits;",
             ["idle: a task beside fine turns"]),
    weaker("idle: thieves leave the next slot alone", STEALING,
           "return inside ? victim.next_.exchange(nullptr, memory_order_acquire) : nullptr;",
           "victim.next_.exchange(nullptr, memory_order_acquire)", ["fibers: busy beside one"],
           "nullptr"),
    weaker("idle: what runs goes to one that sleeps", SPREAD,
           "if (&host != &me && !host.idle.listed && host.idle.seated", "!host.idle.listed",
           ["runtime: ready fibers"], "true"),
    left_out("idle: what runs and should go is lost", SPREAD,
             "      host->accept(one);", "host->accept(one);", ["runtime: ready fibers"]),
    weaker("idle: who begins to run sees work from outside late", "src/sched/scheduler.hpp",
           "if (ticker_.is_at_rest() && (any_timer() || incoming_.any_counted())) ticker_.wake();",
           "incoming_.any_counted()", ["runtime: busy, and a timer"], "incoming_.maybe_work()"),
    # ---- slices
    left_out("slices: after many items nobody is asked to reconsider", SPREAD,
             "if (std::exchange(picks_at_look_up_, picks()) == picks()) ask_to_reconsider();",
             "ask_to_reconsider();", ["fibers: many items in one"], ";"),
    weaker("slices: many items in several turns count as in one", SPREAD,
           "if (std::exchange(picks_at_look_up_, picks()) == picks()) ask_to_reconsider();",
           "std::exchange(picks_at_look_up_, picks()) == picks()", ["fibers: many items in one"],
           "(picks_at_look_up_ = picks(), true)"),
    weaker("slices: whoever only looks up gives way", SPREAD,
           "if (std::exchange(picks_at_look_up_, picks()) == picks()) ask_to_reconsider();",
           "ask_to_reconsider()", ["fibers: many items in one"], "end_slice()"),
    left_out("slices: the flag comes before the raise", SPREAD,
             """  raise_attention();
  // order: acq_rel, after the raise; with drop_slice_flag. A running fiber may see it late
  if (slice_over_.exchange(true, memory_order_acq_rel)) lower_attention();""",
             """  raise_attention();
  // order: acq_rel, after the raise; with drop_slice_flag. A running fiber may see it late
  if (slice_over_.exchange(true, memory_order_acq_rel)) lower_attention();""",
             ["slices: one ends beside a stop"],
             "else if (!slice_over_.exchange(true, memory_order_acq_rel)) raise_attention();"),
    left_out("slices: of one that sleeps one ends for good", SPREAD,
             "  if (is_idle()) drop_slice_flag();\n}\n\nvoid worker::look_up", "drop_slice_flag();",
             ["slices: of one that goes"]),
    left_out("slices: who goes to sleep does not look for one", IDLE, "me.forget_slice();",
             "me.forget_slice();", ["slices: of one that goes"]),
    left_out("idle: one that sleeps gets a seat", SPREAD,
             "if (one.is_idle()) leave_seat(one);", "leave_seat(one);", ["idle: a seat"]),
    left_out("idle: who goes to sleep keeps its seat", IDLE,
             "leave_seat(me);\n  me.forget_slice();", "leave_seat(me);", ["idle: a seat"]),
    weaker("slices: the turn after one whose slice was over gives way", SWITCH,
           "slice_of_.load(memory_order_relaxed) == picks();",
           "slice_of_.load(memory_order_relaxed) == picks()", ["fibers: many items in one"],
           "true"),
    left_out("slices: those behind one are lost", STEALING,
             "if (some.count != 0) home_.make_ready_for_all(some);",
             "home_.make_ready_for_all(some);", ["fibers: a slice before others"]),
    left_out("slices: those behind one are not counted", INBOX,
             "      if (tail_ == nullptr) tail_ = some.last;\n"
             "    }\n"
             "    add(static_cast<std::int64_t>(some.count));",
             "add(static_cast<std::int64_t>(some.count));", ["fibers: a slice before others"]),
    weaker("slices: two end one by a load and a store", SPREAD,
           "if (slice_over_.exchange(true, memory_order_acq_rel)) lower_attention();",
           "slice_over_.exchange(true, memory_order_acq_rel)", ["fibers: a slice that"],
           "(slice_over_.load(memory_order_relaxed) ||"
           " (slice_over_.store(true, memory_order_relaxed), false))"),
    weaker("slices: two forget one by a load and a store", SPREAD,
           "if (slice_over_.exchange(false, memory_order_acq_rel)) lower_attention();",
           "slice_over_.exchange(false, memory_order_acq_rel)", ["fibers: a slice that"],
           "(slice_over_.load(memory_order_relaxed) &&"
           " (slice_over_.store(false, memory_order_relaxed), true))"),
    weaker("slices: a task from outside has no turn of its own", FAIR,
           ": fair_turn_ == 2 ? home_.incoming().pop_task()", "home_.incoming().pop_task()",
           ["fibers: a task beside slices"], "nullptr"),
    left_out("slices: a task that has its turn stays counted", INBOX,
             "if (task != nullptr) count_.fetch_sub(1, memory_order_relaxed);",
             "if (task != nullptr) count_.fetch_sub(1, memory_order_relaxed);",
             ["fibers: a task beside slices"]),
    weaker("slices: one that reconsiders and should go is lost", SPREAD,
           "given ? home_.note_surplus() : me.push_ready(one);", "me.push_ready(one)",
           ["fibers: many items on two"], "void()"),
    weaker("slices: one that goes to a busy worker waits there without the ticker", SPREAD,
           "given ? home_.note_surplus() : me.push_ready(one);", "home_.note_surplus()",
           ["runtime: what runs is given away"], "void()"),
    # ---- fibers
    weaker("fibers: the end of a task is counted relaxed", WORKER,
           "finished.store(finished.load(memory_order_relaxed) + 1, memory_order_release);",
           "memory_order_release", ["fibers: a count"]),
    left_out("fibers: one that was notified while it was held is not woken", PARKER,
             "    if (before == held) wake_when_let_go();", "wake_when_let_go();",
             ["fibers: a stop or an item"]),
    weaker("fibers: one is announced by a load and a store", FIBER,
           "if (!word_.compare_exchange_strong(seen, parked, memory_order_seq_cst,"
           " memory_order_acquire)) {",
           "!word_.compare_exchange_strong(seen, parked, memory_order_seq_cst,"
           " memory_order_acquire)", ["=fibers: a stop", "tasks: a stop and a token"],
           "(seen = word_.load(memory_order_acquire)) != empty ||"
           " (word_.store(parked, memory_order_release), false)"),
    # Of the bytes that shields and what lies behind them share in a fiber's block.
    left_out("fibers: a shield that ends takes the bytes behind it along", STOPS,
             "shielded_here::~shielded_here() { --scopes_.shields; }", "--scopes_.shields;",
             ["fibers: an end that is heard"],
             "else { const std::uint64_t left = scopes_.shields - 1;"
             " __builtin_memcpy(&scopes_.shields, &left, sizeof left); }"),
    left_out("fibers: the end of a task shields by more bytes than it has", WORKER,
             "  ++self.stops_.shields;", "++self.stops_.shields;",
             ["fibers: an end that is heard"],
             "else { const std::uint64_t more = self.stops_.shields + 1;"
             " __builtin_memcpy(&self.stops_.shields, &more, sizeof more); }"),
    weaker("fibers: one that stays goes on before its unparker is seen", FIBER_H,
           "return word_.load(memory_order_acquire) == notified;", "memory_order_acquire",
           ["fibers: one that stays"]),
    left_out("fibers: whoever listens for an end is not noted", FIBER_H,
             "    listener_ = &who;\n    ends_specially_ = true;", "ends_specially_ = true;",
             ["fibers: an end that is heard"]),
    left_out("fibers: a wait is not known to have a time", FIBER,
             "  timed_ = true;", "timed_ = true;", ["runtime: a time or an item"]),
    # ---- timers
    left_out("timers: a wait ends and its timer stays", FIBER,
             "timer_.in->disarm(timer_);", "timer_.in->disarm(timer_);",
             ["runtime: a time or an item"]),
    weaker("timers: who fires does not ask for the claim", TIMERS,
           "if (!t.ends->try_claim(outcome::timed_out)) continue;",
           "!t.ends->try_claim(outcome::timed_out)", ["timers: a wait is fired or woken"],
           "(static_cast<void>(t.ends->try_claim(outcome::timed_out)), false)"),
    left_out("timers: the earliest is not noted when one is armed", TIMERS,
             """    t.armed = true;
    insert(t);
    note_earliest();""", "note_earliest();", ["timers: a wait is fired or woken"]),
    left_out("timers: a new span is not told of", TIMERS,
             "if (!has_new_.load(memory_order_relaxed)) has_new_.store(true, memory_order_relaxed);",
             "has_new_.store(true, memory_order_relaxed);", ["timers: a span"]),
    weaker("timers: a span counts from an older reading", TIMERS,
           "const deadline now = clock::now();", "clock::now()", ["timers: a span"], "lined_up_"),
    left_out("timers: the wait of a new span ends and its timer stays", TIMERS,
             """      remove_new(t);
      return true;""", "remove_new(t);", ["timers: a span"]),
    weaker("timers: a worker sleeps on a new span", TIMERS,
           "return has_new() || earliest() != no_deadline;", "has_new()",
           ["runtime: a wait with a time"], "false"),
    weaker("timers: a span is forgotten before its moment is told", TIMERS,
           """    if (new_ != nullptr) {
      const deadline now""", "new_ != nullptr", ["timers: a span before a sleep"],
           "(has_new_.store(false, memory_order_relaxed), new_ != nullptr)"),
    left_out("timers: one that was fired looks armed", TIMERS,
             """      timer& t = *root_;
      t.armed = false;""", "t.armed = false;", ["timers:"]),
    left_out("timers: an alarm wakes nobody", SCHEDULER,
             "if (earliest_timer() >= at) wake_for_outside_work();", "wake_for_outside_work();",
             ["runtime: a timer from outside"]),
    weaker("timers: only an alarm before all others wakes somebody", SCHEDULER,
           "if (earliest_timer() >= at) wake_for_outside_work();", "earliest_timer() >= at",
           ["runtime: a timer from outside"], "earliest_timer() > at"),
    left_out("timers: an alarm of one that runs on wakes no ticker", SCHEDULER,
             "if (ticker_.is_at_rest() && idle_.anybody_runs()) ticker_.wake();", "ticker_.wake();",
             ["timers: one of a busy fiber"]),
    # ---- the end of a runtime
    weaker("end: whoever looks for an owner may see an older one", POOL,
           "owner_.fetch_or(0, memory_order_seq_cst) & ~pinned_bit;",
           "owner_.fetch_or(0, memory_order_seq_cst)", ["end: a fiber that waits"],
           "owner_.load(memory_order_relaxed)"),
    left_out("end: the visitors are not waited for", SCHEDULER,
             "  join_threads();\n  wait_for_visitors();\n}", "wait_for_visitors();",
             ["runtime: a wake from outside", "end: the end or an item"]),
    weaker("end: a visitor leaves relaxed", SCHEDULER,
           "visitors_.fetch_sub(1, memory_order_release);", "memory_order_release",
           ["runtime: a wake from outside"]),
    left_out("end: a worker that goes to sleep does not tell the closer", IDLE,
             "  home_.tell_closer();", "home_.tell_closer();", ["end: a task starts another"]),
    left_out("end: those that are parked are not stopped", SCHEDULER,
             "  stop_parked();\n  wait_for_fibers();", "stop_parked();",
             ["end: a fiber that waits"]),
    weaker("end: a fiber that parks does not look for a stop (P5)", FIBER,
           "if (attention.load(memory_order_seq_cst) != 0) cancel_wait();",
           "attention.load(memory_order_seq_cst) != 0", ["end: a fiber that waits"], "false"),
    weaker("end: whoever goes through all stacks starts at an older slab", POOL,
           "return newest_of_all.load(memory_order_seq_cst);", "memory_order_seq_cst",
           ["fibers: the end and a new slab"], "memory_order_acquire"),
    weaker("end: a slab is added by a release", POOL,
           """while (!newest_of_all.compare_exchange_weak(slab->older_of_all, slab, memory_order_seq_cst,
                                              memory_order_relaxed)) {""",
           "memory_order_seq_cst", ["fibers: the end and a new slab"], "memory_order_release"),
    # ---- tasks
    weaker("tasks: what is noted after the look is told to nobody", TASK,
           "if ((before & noted_bit) != 0) end_notes();  // again: more may have been noted since",
           "(before & noted_bit) != 0", ["tasks: an end that is noted twice"], "false"),
    weaker("tasks: the end looks relaxed whether it was noted", TASK,
           "std::uint32_t before = state_.load(memory_order_acquire);", "memory_order_acquire",
           ["tasks: an end that is noted"]),
    weaker("tasks: the end that finds it noted after its look does so relaxed", TASK,
           """    alone = state_.compare_exchange_weak(before, before | done_bit | released_bit,
                                         memory_order_acq_rel, memory_order_acquire);""",
           "memory_order_acquire", ["tasks: an end that is noted after"]),
    weaker("tasks: whoever stops looks for the fiber by a load", TASK,
           "if (!fiber_.compare_exchange_strong(runs, nullptr, memory_order_seq_cst,"
           " memory_order_acquire)) {",
           "!fiber_.compare_exchange_strong(runs, nullptr, memory_order_seq_cst,"
           " memory_order_acquire)", ["tasks: a stop and a token"],
           "(runs = fiber_.load(memory_order_acquire)) != nullptr"),
    weaker("tasks: a fiber that parks looks relaxed for its stop", TASK_H,
           "return (state_.load(memory_order_seq_cst) & stop_bit) != 0;", "memory_order_seq_cst",
           ["tasks: a stop and a token"]),
    weaker("tasks: a fiber that parks looks relaxed for the stop of its token", STOPS,
           "if (one->requested_.load(memory_order_seq_cst)) return true;", "memory_order_seq_cst",
           ["tasks: a stop by a token"]),
    weaker("tasks: a token asks where the handler of the error may lie", TASK,
           "if (stopped || worker::current()->home().closing_now()) {",
           "worker::current()->home().closing_now()", ["tasks: an error that its fiber tells"],
           "from_.home->closing_now()"),
    left_out("tasks: the handler of an error is not kept", TASK,
             "if (failed_ && error_ && !stopped_) keep_handler();", "keep_handler();",
             ["tasks: an error that nobody joins"]),
    # ---- stacks
    weaker("stacks: a place is told of relaxed", POOL,
           "in.carved.store(place + 1, memory_order_seq_cst);", "memory_order_seq_cst",
           ["stacks: slabs of two pools"]),
    weaker("end: a place of a stack is told of by a release", POOL,
           "in.carved.store(place + 1, memory_order_seq_cst);", "memory_order_seq_cst",
           ["fibers: a token at the end"], "memory_order_release"),
    weaker("end: whoever looks at all stacks may miss the newest", POOL_H,
           "return carved.load(memory_order_seq_cst);", "memory_order_seq_cst",
           ["fibers: a token at the end"], "memory_order_acquire"),
    # ---- scopes
    left_out("scope: the last task wakes nobody", SCOPE,
             "while (wait_node* node = won.pop_front()) node->owner->strand().unpark();",
             "node->owner->strand().unpark();", ["scope:"]),
    left_out("scope: the last task comes back for those who join (I1)", SCOPE,
             "    if (--live_ != 0) return;", "if (--live_ != 0) return;",
             ["scope: an end and a join", "scope: the destructor or"],
             "else { if (--live_ != 0) return; lock_.unlock(); lock_.lock(); }"),
    left_out("scope: the last task looks at the group after it has woken (I1)", SCOPE,
             "while (wait_node* node = won.pop_front()) node->owner->strand().unpark();",
             "while (wait_node* node = won.pop_front()) node->owner->strand().unpark();",
             ["scope: an end and a join"],
             "else { while (wait_node* node = won.pop_front()) node->owner->strand().unpark();"
             " while (!joiners_.empty()) joiners_.remove(*joiners_.front()); }"),
    weaker("scope: whoever joins does not look under the lock", SCOPE,
           """    const std::lock_guard guard(lock_);
    if (live_ == 0) {""", "live_ == 0", ["scope: an end and a join"], "false"),
    weaker("scope: whoever destroys it looks without the lock", SCOPE,
           "if (!empty()) {", "!empty()", ["scope: the destructor"], "live_ != 0"),
    weaker("scope: whoever was stopped is told of the end", SCOPE,
           "const bool ours = node->owner->try_claim(outcome::completed);",
           "node->owner->try_claim(outcome::completed)", ["scope: a stop of"],
           "(static_cast<void>(node->owner->try_claim(outcome::completed)), true)"),
    left_out("scope: a join that is stopped stays in the list", SCOPE,
             "if (node.linked) joiners_.remove(node);", "if (node.linked) joiners_.remove(node);",
             ["scope: a stop of"]),
    left_out("scope: a join that is stopped does not stop the tasks", SCOPE,
             """    request_stop();
    static_cast<void>(wait_until_empty(on_stop::keep_waiting));
    throw_cancelled();""", "request_stop();", ["scope: a stop of a join"]),
    left_out("scope: a join that is stopped does not wait for the tasks", SCOPE,
             "    static_cast<void>(wait_until_empty(on_stop::keep_waiting));\n    throw_cancelled();",
             "static_cast<void>(wait_until_empty(on_stop::keep_waiting));",
             ["scope: a stop of a join"]),
    left_out("scope: the destructor stops nobody", SCOPE,
             """    request_stop();
    static_cast<void>(wait_until_empty(on_stop::keep_waiting));
  }""", "request_stop();",
             ["scope: the destructor stops"]),
    left_out("scope: an error stops nobody", SCOPE,
             "    std::swap(first_error_, error);\n  }\n  request_stop();", "request_stop();",
             ["scope: an error stops"]),
    left_out("scope: the last error counts", SCOPE,
             "if (first_error_.error) return;", "if (first_error_.error) return;",
             ["scope: two errors"]),
    # ---- helpers of blocking
    left_out("helpers: one that wakes without a cause has a job", BLOCKING,
             "if (self.wake.wait_until(guard, until) == std::cv_status::no_timeout) continue;",
             "continue;", ["helpers: a job after another"], "else break;"),
    left_out("helpers: one that leaves stays in the list", BLOCKING,
             "      *at = self.below;", "*at = self.below;", ["helpers: a job after another"]),
    left_out("helpers: one that leaves does not look whether a job has come", BLOCKING,
             "if (self.job != nullptr) break;", "if (self.job != nullptr) break;",
             ["helpers: a job after another"]),
    left_out("helpers: a job without a thread does not look for an idle one", BLOCKING,
             """      --count_;
      if (idle_ != nullptr) return hand_over(job);""",
             "if (idle_ != nullptr) return hand_over(job);",
             ["helpers: jobs of two, one thread"]),
    left_out("helpers: a helper goes idle beside a queue", BLOCKING,
             "if (blocking_job* job = pop()) return job;",
             "if (blocking_job* job = pop()) return job;", ["helpers: jobs of two, one thread"]),
    left_out("helpers: a caller is not unparked", BLOCKING,
             "if (caller.try_claim(outcome::completed)) caller.strand().unpark();",
             "if (caller.try_claim(outcome::completed)) caller.strand().unpark();",
             ["helpers: jobs of two"]),
    # ---- everyone asleep
    weaker("census: a worker that is awake counts as asleep", SCHEDULER,
           "here.everybody = idle_.all_listed(here.stirred) && (by_ticker",
           "idle_.all_listed(here.stirred)", ["census:"],
           "(static_cast<void>(idle_.all_listed(here.stirred)), true)"),
    weaker("census: threads are not counted", CENSUS,
           "        threads != first.threads) {", "threads != first.threads",
           ["census: a thread may act"], "false"),
    weaker("census: timers do not count", SCHEDULER,
           "!incoming_.any_counted() && !any_timer();",
           "!any_timer()", ["census: a timer may act"], "true"),
    left_out("census: whoever comes last does not ask again", SCHEDULER,
             "if (!any_timer() && ticker_.is_at_rest()) ticker_.wake();",
             "ticker_.wake();", ["census: everyone is asleep"]),
    weaker("census: two speak at once", CENSUS,
           "if (callers_ == nullptr || speaking_) return finding::awake;",
           "callers_ == nullptr || speaking_", ["census: one speaks"], "callers_ == nullptr"),
    left_out("census: only the first handler is told", CENSUS,
             "for (const auto& each : handlers) (*each)(text);",
             "for (const auto& each : handlers) (*each)(text);", ["census: all handlers"],
             "if (::sluice::explore::fault == NUMBER) (*handlers.front())(text);"),
    weaker("census: a signal that is watched for does not count", CENSUS,
           "if (watches_.load(memory_order_seq_cst) != 0) note(finding::unsure);",
           "watches_.load(memory_order_seq_cst) != 0", ["census: a signal may act"], "false"),
]
