/* When workers sleep: no work lies beside a sleeper that nobody will wake.
 *
 *   worker with nothing to do                whoever brings work from outside
 *   W1 list, count up (RMW seq_cst),         push into the queue (its own orders are weaker)
 *      own futex word set before             W4 count the work (RMW seq_cst), after the push
 *   W2 load the count of work (seq_cst)      W5 load the count of idle workers (seq_cst):
 *   W3 sleep while the word says so             take one off the list, clear its word, wake it
 *
 * The count beside the queue may fall below zero for a moment: a worker can take what has been
 * pushed and not counted yet. The pusher then still has W4 and W5 before it. (Counting first is
 * safe too, COUNT_FIRST, but then an idle worker spins until the push.)
 *
 * One sleeper keeps the earliest timer: who goes to sleep and finds no keeper, or one that sleeps
 * longer than the earliest deadline, keeps it himself. A keeper that wakes gives the part up.
 *
 * -DSPREAD: workers push onto their own queues too, which wakes nobody, but while any worker runs
 * one idle worker watches: it sleeps for a moment only and then tries to steal (in vain, if what
 * it finds has not waited long enough).
 *   starting to run                          going to sleep, after W2
 *   count as running (RMW seq_cst)           load the count of running workers (seq_cst): some,
 *   pass the watch on, if it is mine            and no watcher: watch; none: give the watch up,
 *   after that, and after each push: no         then (BAD_GIVE_UP_AFTER_LOOK) look again
 *      watcher, and somebody is idle:
 *      elect one and wake it
 * What a searcher has pushed onto its own queue before it counted itself, the rest of what it stole
 * or the fibers of timers, is looked at after it has (BAD_NO_LOOK_AT_OWN).
 *
 * -DGIFTS=n: up to n times a worker gives what is ready to another, under the lock of the list (W6):
 * to one that is not listed, and whoever lists itself looks at what is its own again after that.
 *
 * good outside:
 * good outside: COUNT_FIRST
 * good outside: WORKERS=3 PUSHERS=1 PUSHES=2
 * bad outside: BAD_NO_LOOK
 * bad outside: BAD_LOOK_BEFORE_IDLE
 * bad outside: BAD_IDLE_NOT_RMW
 * bad outside: BAD_W5_EARLY
 * bad outside: BAD_RESET_LATE
 * bad outside: BAD_KEEPER_UNCOMPARED
 * good spread: SPREAD PUSHERS=1
 * good spread: SPREAD WORKERS=3 PUSHERS=0 QUEUED=1 SPAWNS=2
 * good spread: SPREAD PUSHERS=1 GIFTS=2
 * good spread: SPREAD WORKERS=3 PUSHERS=0 QUEUED=1 SPAWNS=1 GIFTS=1
 * bad spread: BAD_GIVE_TO_LISTED SPREAD PUSHERS=1 GIFTS=1
 * bad spread: BAD_GIFT_UNSEEN SPREAD PUSHERS=1 GIFTS=1
 * bad spread: BAD_NO_WATCHER SPREAD PUSHERS=1
 * bad spread: BAD_NO_ELECTION SPREAD PUSHERS=1
 * bad spread: BAD_GIVE_UP_AFTER_LOOK SPREAD PUSHERS=1
 * bad spread: BAD_WATCH_NOT_PASSED_ON SPREAD WORKERS=3 PUSHERS=0 QUEUED=1
 * bad spread: BAD_COUNT_LATE SPREAD PUSHERS=1
 * bad spread: BAD_NO_LOOK_AT_OWN SPREAD WORKERS=3 PUSHERS=0 QUEUED=1
 */
#ifndef WORKERS
#define WORKERS 2
#endif
#ifndef PUSHERS
#define PUSHERS 2
#endif
#ifndef PUSHES
#define PUSHES 1
#endif
#ifndef SPAWNS
#define SPAWNS 3
#endif
#ifndef GIFTS
#define GIFTS 0
#endif
#ifndef QUEUED
#define QUEUED 0
#endif
#define STRANDS (WORKERS + PUSHERS)
#define NOBODY 99
#define NEVER 9

byte queued = QUEUED;    /* work in the queue */
short injected = QUEUED; /* the count beside it */
bool idle[WORKERS];
byte idle_count;
bool word[WORKERS]; /* the futex words: may sleep */
bool in_kernel[WORKERS];
byte asleep, at_rest;

#ifdef SPREAD
byte own[WORKERS];   /* ready fibers in the worker's own queue */
bool stuck[WORKERS]; /* runs a fiber that goes on for ever */
byte running = WORKERS, watcher = NOBODY, spawns = SPAWNS, gifts = GIFTS;
#define WORK (queued + own[me])
#else
byte keeper = NOBODY, keeper_deadline = NEVER, earliest = NEVER;
#define WORK queued
#endif

/* Strands at rest have ended, sleep without a limit or run for ever. */
inline rest() {
  at_rest++;
  if
  :: at_rest == STRANDS && asleep > 0 ->
    assert(queued == 0);
    assert(idle_count == asleep); /* or nobody could wake them */
#ifdef SPREAD
    i = 0;
    do
    :: i < WORKERS -> assert(own[i] == 0); i++
    :: else -> break
    od;
    i = 0;
#else
    assert(asleep < WORKERS || keeper_deadline <= earliest);
#endif
  :: else
  fi
}

/* The list has a lock. */
inline pop_sleeper() {
  w = 0;
  do
  :: w < WORKERS && !idle[w] -> w++
  :: else -> break
  od;
  if
  :: w == WORKERS -> w = NOBODY
  :: else -> idle[w] = false; idle_count--
  fi
}

inline rouse() {
  atomic {
    if
    :: w != NOBODY ->
      if
      :: in_kernel[w] && word[w] -> asleep--; at_rest--
      :: else
      fi;
      word[w] = false
    :: else
    fi;
    w = 0
  }
}

inline stop_being_idle() {
  atomic {
    if
    :: idle[me] -> idle[me] = false; idle_count--
    :: else /* somebody has taken us off to wake us */
    fi;
#ifndef SPREAD
    if
    :: keeper == me -> keeper = NOBODY; keeper_deadline = NEVER
    :: else
    fi
#endif
  }
}

#ifdef SPREAD
inline note_surplus() {
  skip;
#ifndef BAD_NO_ELECTION
  seen = (watcher == NOBODY);
  if
  :: seen -> seen = idle_count > 0
  :: else
  fi;
  if
  :: seen ->
    seen = false;
    atomic {
      if
      :: watcher == NOBODY -> pop_sleeper(); watcher = w
      :: else -> w = NOBODY
      fi
    };
    rouse()
  :: else
  fi
#endif
}

/* Half of what a victim has: one to run, the rest onto the own queue. */
inline steal() {
  do
  :: atomic { w < WORKERS && own[w] > 0 && w != me ->
      own[w]--;
      found = true;
      rest_of_it = (own[w] + 1) / 2;
      own[w] = own[w] - rest_of_it;
      break
    }
  :: w < WORKERS -> w++ /* nothing, or it has not waited long enough */
  :: w == WORKERS -> break
  od;
  atomic { w = 0; own[me] = own[me] + rest_of_it; seen = rest_of_it > 0; rest_of_it = 0 };
  if
  :: seen -> note_surplus()
  :: else
  fi;
  seen = false
}
#endif

proctype worker(byte me) {
  byte w, i;
  bool timed, seen;
#ifdef SPREAD
  bool found, runs;
  byte rest_of_it;
#endif
#ifdef BAD_IDLE_NOT_RMW
  byte count;
#endif
work:
  if
#ifdef SPREAD
  :: atomic { own[me] > 0 -> own[me]-- };
    goto execute
#endif
  :: atomic { queued > 0 -> queued-- };
    injected--;
    goto execute
  :: WORK == 0 -> goto out_of_work
  fi;
execute:
#ifdef SPREAD
  if
  :: atomic { spawns > 0 -> spawns--; own[me]++ };
    note_surplus();
    goto execute
#if GIFTS > 0
  :: atomic { /* W6 */
      gifts > 0 && own[me] > 0 ->
      gifts--;
      w = 0;
      do
#ifdef BAD_GIVE_TO_LISTED
      :: w < WORKERS && w == me -> w++
#else
      :: w < WORKERS && (w == me || idle[w]) -> w++
#endif
      :: else -> break
      od;
      if
      :: w < WORKERS -> own[w] = own[w] + own[me]; own[me] = 0
      :: else
      fi;
      w = 0
    };
    goto execute
#endif
  :: atomic { stuck[me] = true; rest() };
  end_stuck:
    false
  :: goto work
  fi;
#else
  if /* what runs may arm a timer */
  :: earliest = 1
  :: earliest > 2 -> earliest = 2
  :: skip
  fi;
  goto work;
#endif

out_of_work:
#ifdef SPREAD
  running--;
search:
  if
  :: atomic { own[me] > 0 -> own[me]--; found = true }
  :: atomic { queued > 0 -> queued--; found = true };
    injected--
  :: WORK == 0 -> steal()
  fi;
  if
  :: found ->
    found = false;
#ifndef BAD_COUNT_LATE
    running++;
#endif
    atomic {
      if
      :: watcher == me ->
#ifdef BAD_WATCH_NOT_PASSED_ON
        watcher = NOBODY;
        w = NOBODY
#else
        pop_sleeper();
        watcher = w
#endif
      :: else -> w = NOBODY
      fi
    };
    rouse();
#ifndef BAD_NO_LOOK_AT_OWN
    seen = own[me] > 0;
    if
    :: seen -> note_surplus()
    :: else
    fi;
#endif
#ifdef BAD_COUNT_LATE
    if
    :: atomic { spawns > 0 -> spawns--; own[me]++ };
      note_surplus()
    :: skip
    fi;
    running++;
#endif
    goto execute
  :: else
  fi;
#endif

#ifdef BAD_LOOK_BEFORE_IDLE
  seen = injected > 0;
#endif
#ifdef BAD_IDLE_NOT_RMW
  count = idle_count;
#endif
  atomic { /* W1 */
#ifndef BAD_RESET_LATE
    word[me] = true;
#endif
    idle[me] = true;
#ifdef BAD_IDLE_NOT_RMW
    idle_count = count + 1;
    count = 0
#else
    idle_count++
#endif
  };
#ifdef BAD_RESET_LATE
  word[me] = true;
#endif
#ifndef BAD_LOOK_BEFORE_IDLE
  seen = injected > 0; /* W2 */
#endif
#ifdef BAD_NO_LOOK
  seen = false;
#endif
#if GIFTS > 0 && !defined(BAD_GIFT_UNSEEN)
  seen = seen || own[me] > 0;
#endif
  if
  :: seen -> seen = false; stop_being_idle(); goto look_again
  :: else
  fi;

#ifdef SPREAD
choose_role:
  runs = running > 0;
  atomic {
    timed = false;
    if
    :: runs && (watcher == NOBODY || watcher == me) ->
#ifndef BAD_NO_WATCHER
      watcher = me;
      timed = true
#endif
    :: !runs && watcher == me -> watcher = NOBODY; seen = true
    :: else
    fi
  };
#ifndef BAD_GIVE_UP_AFTER_LOOK
  if
  :: seen -> seen = false; runs = false; goto choose_role
  :: else
  fi;
#endif
  atomic { seen = false; runs = false };
#else
  atomic {
#ifdef BAD_KEEPER_UNCOMPARED
    if
    :: keeper == NOBODY && earliest != NEVER -> keeper = me; keeper_deadline = earliest
#else
    if
    :: earliest < keeper_deadline -> keeper = me; keeper_deadline = earliest
#endif
    :: else
    fi;
    timed = (keeper == me)
  };
#endif

#ifdef SPREAD
  if
  :: timed -> /* the watcher's moment */
    timed = false;
    atomic { word[me] = false; stop_being_idle() };
    goto look_again
  :: else
  fi;
#endif
  atomic { /* W3 */
    if
    :: word[me] -> in_kernel[me] = true; asleep++; rest()
    :: else -> goto woken
    fi
  };
end_asleep:
  if
  :: atomic { !word[me] -> in_kernel[me] = false }
#ifndef SPREAD
  :: atomic { timed && word[me] && earliest != NEVER ->
      asleep--;
      at_rest--;
      in_kernel[me] = false;
      word[me] = false
    };
    stop_being_idle();
    atomic { timed = false; earliest = NEVER }; /* fire: the fiber becomes ready, and runs here */
    goto work
#endif
  fi;
woken:
  stop_being_idle();
  timed = false;
look_again:
#ifdef SPREAD
  goto search
#else
  goto work
#endif
}

proctype pusher(byte left) {
  byte w, i;
  bool seen;
next:
  if
  :: left == 0 -> goto done
  :: else -> left--
  fi;
#ifdef COUNT_FIRST
  injected++;
  seen = idle_count > 0;
  queued++;
#elif defined(BAD_W5_EARLY)
  seen = idle_count > 0;
  queued++;
  injected++;
#else
  queued++;
  injected++;            /* W4 */
  seen = idle_count > 0; /* W5 */
#endif
  if
  :: seen -> atomic { seen = false; pop_sleeper() }; rouse()
  :: else
  fi;
  goto next;
done:
  atomic { rest() }
}

init {
  atomic {
    byte i = 0;
    do
    :: i < WORKERS -> run worker(i); i++
    :: else -> break
    od;
    i = 0;
    do
    :: i < PUSHERS -> run pusher(PUSHES); i++
    :: else -> break
    od;
    i = 0
  }
}
