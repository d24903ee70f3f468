/* Signals that become stops: the next generation is armed while a handler is late.
 *
 *   handler     H1 count in; H2 exchange armed for none; H3 put the former disposition back; H4 tell
 *               which generation was taken; H5 count out; without one: raise the signal again
 *   arm         set armed to the next generation, wait until no handler is in, install the handler;
 *               if armed is gone by then, put the disposition back
 *
 * Two signals come while generation 1 is armed. Once a task has been told of one of them generation 2
 * is armed; the other's handler may not have begun. Then a signal comes, or with -DENDS the watch
 * ends, that is, is disarmed.
 *
 * good all:
 * good all: ENDS
 * bad all: BAD_WAIT_FIRST
 * bad all: BAD_NO_WAIT
 * bad all: BAD_GENERATION_APART
 * bad all: BAD_TAKE_NOT_RMW
 * bad all: BAD_NO_LOOK ENDS
 */
#define FORMER 0
#define OURS 1

byte armed = 1;
byte generation = 1;
byte handlers_in;
bit disposition = OURS;
byte told[3]; /* how often a generation was */
byte over;    /* handlers */
bool begun;   /* the watch of generation 2 */

inline put_back() {
  if
  :: disposition == OURS -> disposition = FORMER
  :: else
  fi
}

/* The kernel has chosen the handler. */
proctype handler() {
  byte taken, says;
H1:
  handlers_in++;
#ifdef BAD_GENERATION_APART
  says = generation;
#endif
H2:
#ifdef BAD_TAKE_NOT_RMW
  taken = armed;
  armed = 0;
#else
  atomic { taken = armed; armed = 0 }
#endif
#ifndef BAD_GENERATION_APART
  says = taken;
#endif
H3:
  put_back();
  if
  :: taken != 0 -> told[says]++
  :: else
  fi;
H5:
  handlers_in--;
  if
  :: atomic { taken == 0 && disposition == OURS -> goto H1 }
  :: else
  fi;
  over++
}

inline wait_for_handlers() {
  do
  :: handlers_in == 0 -> break
  :: armed == 0 -> goto taken
  od
}

proctype registry() {
  told[1] > 0; /* its task has ended */
#ifdef BAD_WAIT_FIRST
  handlers_in == 0;
#endif
  generation = 2;
  armed = 2;
#if !defined(BAD_WAIT_FIRST) && !defined(BAD_NO_WAIT)
  wait_for_handlers();
#endif
  disposition = OURS;
#ifndef BAD_NO_LOOK
  if
  :: armed == 0 -> put_back()
  :: else
  fi;
#endif
taken:
  begun = true;
#ifdef ENDS
  if
  :: atomic { armed != 0 -> armed = 0 }; put_back()
  :: else
  fi;
  over++
#endif
}

#ifndef ENDS
proctype signal() {
  begun;
  atomic {
    if
    :: disposition == OURS -> run handler()
    :: else -> over++
    fi
  }
}
#endif

init {
  atomic {
    run handler();
    run handler();
    run registry();
#ifndef ENDS
    run signal()
#endif
  }
  over == 3;
  assert(told[1] == 1);
#ifdef ENDS
  assert(told[2] <= 1);
#else
  assert(told[2] == 1);
#endif
  assert(armed == 0);
  assert(disposition == FORMER)
}
