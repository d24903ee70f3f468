/* One strand parks, others end its waits: no unpark is lost, no frame is touched too late.
 *
 *   wait: empty -> parked           P1 announce, a CAS that fails if notified already
 *         notified -> empty         P2 consume
 *   win:  waiting -> how            one CAS on the claim word, then, as the last touch,
 *         any -> notified           P3 exchange; if it was parked, wake
 *   stop: parked -> held -> parked  P4 hold: a canceller keeps the fiber in its wait, looks at the
 *                                   stop flag of whoever it holds, and only then claims, under the
 *                                   lock of what the fiber waits for
 *         notified -> released      P6: it was notified while it was held. Whoever did that waits,
 *                                   and wakes the fiber; then what it waited for may go
 *         attention, flag, P4       P5 after P1 the announcer loads attention and acts likewise
 *
 * A thread announces itself and sleeps in a futex, which may wake for no reason. A fiber must not
 * announce itself while it stands on its stack: the context that runs next does it after the
 * switch, and makes it ready at once if it was notified meanwhile. After P1 the fiber may have run
 * on and ended, and another may use its control block: so P5 reads a word of the process, and
 * neither it nor a late canceller believes that the fiber is still the same before P4 holds it.
 *
 * A thread may end as soon as P3 can be seen, and the memory of its word goes with it: the waker
 * passes the address to the kernel, and reads nothing to find out how to wake.
 *
 * good thread: THREAD
 * bad thread: BAD_ANNOUNCE_NOT_CAS THREAD
 * bad thread: BAD_UNPARK_NOT_RMW THREAD
 * bad thread: BAD_TOUCH_AFTER_UNPARK THREAD
 * bad thread: BAD_WAKE_READS_THE_PARKER THREAD
 * bad thread: BAD_SLEEP_UNCHECKED THREAD
 * bad thread: BAD_TIMEOUT_WITHOUT_CLAIM THREAD
 * bad thread: BAD_LOSER_LEAVES THREAD
 * good fiber: FIBER
 * bad fiber: BAD_ANNOUNCE_BEFORE_SWITCH FIBER
 * bad fiber: BAD_NO_REQUEUE FIBER
 * bad fiber: BAD_CANCEL_WITHOUT_HOLD FIBER
 * bad fiber: BAD_RELEASE_NOT_CAS FIBER
 * bad fiber: BAD_LEAVE_THE_HOLDER FIBER
 * bad fiber: BAD_GIVE_UP_ON_HELD FIBER
 * bad fiber: BAD_NO_OWNER_CHECK FIBER
 * bad fiber: BAD_FLAG_FIRST FIBER
 * bad fiber: BAD_NO_STOP_LOOK FIBER
 * bad fiber: BAD_P5_EARLY FIBER
 * bad fiber: BAD_P5_READS_THE_TASK FIBER
 */
#ifdef FIBER
#define WAITS 3 /* two of task 0, then one of task 1 in the same control block */
#else
#define WAITS 2
#endif
#define TASK(k) ((k) / 2)
#define WORKERS 2

#define EMPTY 0
#define PARKED 1
#define NOTIFIED 2
#define HELD 3
#define RELEASED 5

#define WAITING 0
#define COMPLETED 1
#define TIMED_OUT 2
#define CANCELLED 3

byte word;
byte claim[WAITS];
bool alive[WAITS];  /* the frame of that wait exists */
bool linked[WAITS]; /* the channel can still find it; changes only under its lock */
bool armed[WAITS];  /* the timer can still find it; changes only under the shard's lock */
byte current;       /* the wait that a canceller may look at while it holds the fiber */

/* The winner's work and its last touch. */
#define P3(before) before = word; word = NOTIFIED

#ifdef THREAD
bool sleeping, gone;

inline wake() { sleeping = false }

/* A channel's server, twice for each wait: only one can win. */
proctype waker(byte k) {
  byte before;
  atomic {
    alive[k] || claim[k] != WAITING;
    if
    :: linked[k] && claim[k] == WAITING -> linked[k] = false; claim[k] = COMPLETED
    :: else -> goto lost
    fi
  };
  assert(alive[k]);
#ifdef BAD_UNPARK_NOT_RMW
  before = word;
  word = NOTIFIED;
#else
  atomic { P3(before) };
#endif
#ifdef BAD_TOUCH_AFTER_UNPARK
  assert(alive[k]);
#endif
  if
  :: before == PARKED ->
#ifdef BAD_WAKE_READS_THE_PARKER /* a virtual function does */
    assert(!gone);
#endif
    wake() /* names only the address: the thread may be gone */
  :: else
  fi;
lost:
  skip
}

proctype thread() {
  byte k;
  bool seen, timed_out;
next:
  if
  :: k == WAITS -> goto done
  :: else -> atomic { claim[k] = WAITING; alive[k] = true; linked[k] = true }
  fi;
#ifdef BAD_ANNOUNCE_NOT_CAS
  seen = (word == NOTIFIED);
  if
  :: seen -> goto consume
  :: else -> word = PARKED
  fi;
#else
  atomic { /* P1 */
    if
    :: word == EMPTY -> word = PARKED
    :: else -> assert(word == NOTIFIED); goto consume
    fi
  };
#endif
look:
  seen = (word == PARKED);
  if
  :: !seen -> goto consume
  :: else
  fi;
  atomic { /* the futex sleeps only if the word is still the same */
#ifndef BAD_SLEEP_UNCHECKED
    if
    :: word != PARKED -> goto look
    :: else
    fi;
#endif
    sleeping = true
  };
  if
  :: !sleeping -> goto look
  :: atomic { sleeping && k == 0 -> sleeping = false; goto look } /* for no reason; once will do */
  :: atomic { sleeping && !timed_out -> sleeping = false; timed_out = true }
  fi;
#ifdef BAD_TIMEOUT_WITHOUT_CLAIM
  goto consume;
#endif
  atomic {
    if
    :: claim[k] == WAITING -> claim[k] = TIMED_OUT; goto consume
    :: else
#ifdef BAD_LOSER_LEAVES
      -> goto consume
#else
      -> goto look /* the winner's unpark is on its way */
#endif
    fi
  };
consume:
  word = EMPTY; /* P2: nobody else writes it now */
  atomic {
    assert(claim[k] != WAITING);
    linked[k] = false;
    alive[k] = false;
    timed_out = false;
    k++;
    goto next
  };
done:
  atomic { assert(word == EMPTY); gone = true }
}

init {
  atomic {
    run thread();
    run waker(0);
    run waker(0);
    run waker(1);
    run waker(1)
  }
}
#endif

#ifdef FIBER
chan ready = [2] of { bit };       /* all run queues */
chan resume = [0] of { byte };
chan leave = [0] of { bit };       /* 0: it waits, 1: it has ended */
bool on_stack;                     /* somebody executes on the fiber's stack */
bool ended;
bool stop[2], task_alive[2]; /* of the task objects */
bool gone[WAITS];            /* what that wait was for: its last user was the one who served it */
byte owner;                  /* the task in the control block */
byte attention;

inline make_ready() {
  assert(len(ready) == 0);
  ready!0
}

/* After `stop` is set. P4: not parked: whoever announces it looks at the flag (P5). */
inline cancel_wait() {
  atomic {
#ifndef BAD_GIVE_UP_ON_HELD
    word != HELD; /* another holder may have looked too early for our flag: wait for it */
#endif
#ifndef BAD_CANCEL_WITHOUT_HOLD
    if
    :: word == PARKED -> word = HELD /* P4 */
    :: else -> goto not_parked
    fi
#else
    if
    :: word == PARKED
    :: else -> goto not_parked
    fi
#endif
  };
  atomic { /* held: these can be read */
    assert(task_alive[owner]);
    k = current;
    won = stop[owner];
#ifdef BAD_NO_OWNER_CHECK
    won = true;
#endif
  };
  if
  :: won ->
    atomic {
      assert(alive[k]);
      assert(!gone[k]); /* the claim takes its lock */
      if
      :: claim[k] == WAITING -> assert(stop[TASK(k)]); claim[k] = CANCELLED
      :: else -> won = false
      fi
    }
  :: else
  fi;
#ifdef BAD_CANCEL_WITHOUT_HOLD
  if
  :: won ->
    atomic {
      P3(before);
      if
      :: before == PARKED -> make_ready()
      :: else
      fi
    }
  :: else
  fi;
#else
  if
  :: won -> atomic { word = NOTIFIED; make_ready() }
  :: else ->
#ifdef BAD_RELEASE_NOT_CAS
    word = PARKED
#else
    atomic {
      if
      :: word == HELD -> word = PARKED
      :: else -> assert(word == NOTIFIED); word = RELEASED /* P6 */
#ifdef BAD_LEAVE_THE_HOLDER
        make_ready()
#endif
      fi
    }
#endif
  fi;
#endif
not_parked:
  k = 0;
  won = false
}

inline unpark() {
  atomic {
    assert(alive[k]);
    P3(before)
  };
  if
  :: before == PARKED -> make_ready()
#ifndef BAD_LEAVE_THE_HOLDER
  :: before == HELD -> atomic { word == RELEASED; make_ready() }
#endif
  :: else
  fi
}

/* A server; to task 0 it may also never come: then the stop ends the wait. */
proctype waker(byte k) {
  byte before;
  if
  :: atomic {
      alive[k] -> ;
      if
      :: linked[k] && claim[k] == WAITING -> linked[k] = false; claim[k] = COMPLETED
      :: else -> goto lost
      fi
    };
    unpark();
    gone[k] = true
  :: TASK(k) == 0 || ended -> skip
  fi;
lost:
  skip
}

proctype timer(byte k) {
  byte before;
  if
  :: atomic {
      armed[k] && claim[k] == WAITING -> armed[k] = false;
      claim[k] = TIMED_OUT
    };
    unpark()
  :: skip
  fi
}

proctype canceller() {
  byte k, before;
  bool won;
#ifndef BAD_FLAG_FIRST
  attention++; /* RMW seq_cst */
#endif
  atomic {
    if
    :: task_alive[0] -> stop[0] = true
    :: else -> goto too_late
    fi
  };
#ifdef BAD_FLAG_FIRST
  cancel_wait();
  attention++;
#else
  cancel_wait(); /* P4, whose failure is a seq_cst load */
#endif
  goto done;
too_late:
#ifndef BAD_FLAG_FIRST
  attention--;
#endif
done:
  skip
}

proctype worker() {
  byte k, before;
  bool won, over, seen;
idle:
end_idle:
  if
  :: ended -> goto done
  :: ready?0 -> skip
  fi;
  atomic { assert(!on_stack); on_stack = true };
  resume!_pid;
  atomic { leave?over; on_stack = false };
  if
  :: over && owner == 1 -> ended = true; goto done
  :: over && owner == 0 -> over = false; owner = 1; make_ready(); goto idle /* reused at once */
  :: else
  fi;
#ifdef BAD_P5_EARLY
  seen = attention > 0;
#endif
#ifndef BAD_ANNOUNCE_BEFORE_SWITCH
  atomic { /* P1, on behalf of the fiber that was left */
    if
    :: word == EMPTY -> word = PARKED
    :: else -> assert(word == NOTIFIED); goto requeue
    fi
  };
#endif
#if defined(BAD_NO_STOP_LOOK)
  seen = false;
#elif defined(BAD_P5_READS_THE_TASK)
  atomic { assert(task_alive[owner]); seen = stop[owner] };
#elif !defined(BAD_P5_EARLY)
  seen = attention > 0; /* P5 */
#endif
  if
  :: seen -> seen = false; cancel_wait()
  :: else
  fi;
  goto idle;
requeue:
#ifndef BAD_NO_REQUEUE
  make_ready();
#endif
  goto idle;
done:
  skip
}

proctype fiber() {
  byte k;
  bool seen;
start:
  resume?_;
next:
  if
  :: k == WAITS || TASK(k) != owner || stop[owner] -> goto done /* a stop is thrown at the wait */
  :: else -> atomic { claim[k] = WAITING; alive[k] = true; linked[k] = true }
  fi;
  current = k;
  armed[k] = true;
  seen = (word == NOTIFIED);
  if
  :: seen
  :: else ->
#ifdef BAD_ANNOUNCE_BEFORE_SWITCH
    atomic {
      if
      :: word == EMPTY -> word = PARKED
      :: else -> goto notified
      fi
    };
#endif
    leave!0;
    resume?_
  fi;
notified:
  atomic { /* under the shard's lock */
    armed[k] = false
  };
  assert(word == NOTIFIED || word == RELEASED);
  word = EMPTY; /* P2 */
  atomic {
    assert(claim[k] != WAITING);
    linked[k] = false;
    alive[k] = false;
    k++;
    goto next
  };
done:
  atomic {
    task_alive[owner] = false;
    if
    :: stop[owner] -> attention--
    :: else
    fi
  };
  if
  :: owner == 0 -> k = 2; leave!1; goto start
  :: else -> leave!1
  fi
}

init {
  atomic {
    byte i = 0;
    ready!0;
    task_alive[0] = true;
    task_alive[1] = true;
    run fiber();
    do
    :: i < WORKERS -> run worker(); i++
    :: else -> break
    od;
    i = 0;
    do
    :: i < WAITS -> run waker(i); run timer(i); i++
    :: else -> break
    od;
    i = 0;
    run canceller()
  }
}
#endif
