/* The unbounded queue steps from one segment to the next: an index always meets its own segment.
 *
 *   putter                                     getter
 *   load tail's index, then its segment        load head's index, then its segment, then how far
 *                                              may be got at once or, if not so far, the real tail
 *   S1 CAS tail's index                        G1 CAS head's index
 *   after the last slot of a segment:          after the last slot of a segment:
 *     M1 store the fresh segment                 wait for the link
 *     M2 index over the segment's end            M3 store the next segment
 *     link it to the old segment                 M4 index over the segment's end
 *                                              after a look at tail say how far may be got at once:
 *                                              to the last item but one, and no last slot
 *   S2 publish                                 wait for S2, take; leave the slot
 *
 * A segment is freed when all its slots have been left (segments.pml says by whom). Whoever finds
 * the index at a segment's end waits until it is over it. An index is never used twice, so a CAS
 * that succeeds proves that the segment read after the index was that index's, and lives.
 *
 * good all: PUTTERS=2 PUTS=2 GETTERS=1 GETS=3
 * good all: PUTTERS=1 PUTS=3 GETTERS=2 GETS=2
 * good all: PUTTERS=2 PUTS=2 GETTERS=2 GETS=1
 * bad all: BAD_INDEX_FIRST
 * bad all: BAD_SEGMENT_READ_FIRST
 * bad all: BAD_HEAD_INDEX_FIRST
 * bad all: BAD_LINK_NOT_AWAITED
 * bad all: BAD_TAIL_BEFORE_HEAD
 * bad all: BAD_LAST_ITEM_AT_ONCE
 * bad all: BAD_LAST_SLOT_AT_ONCE
 * bad all: BAD_SAID_BEFORE_THE_MOVE
 */
#ifndef PUTTERS
#define PUTTERS 2
#endif
#ifndef GETTERS
#define GETTERS 2
#endif
#ifndef PUTS
#define PUTS 2
#endif
#ifndef GETS
#define GETS 2
#endif
#define SLOTS 2
#define SPAN (SLOTS + 1)
#define SEGMENTS 4
#define WHOLE(index) ((index) % SPAN == SLOTS -> (index) + 1 : (index))

byte tail, tail_in, head, head_in, at_once;
bool linked[SEGMENTS];
byte left[SEGMENTS];
bool published[SEGMENTS * SPAN];

#define MIN(a, b) ((a) < (b) -> (a) : (b))
#define LAST_SLOT(index) ((index) / SPAN * SPAN + SLOTS - 1)
#ifdef BAD_LAST_ITEM_AT_ONCE
#define SAY(to, end) at_once = MIN(end, LAST_SLOT(to))
#else
#ifdef BAD_LAST_SLOT_AT_ONCE
#define SAY(to, end) at_once = (end) - 1
#else
#define SAY(to, end) at_once = MIN((end) - 1, LAST_SLOT(to))
#endif
#endif

#define ALIVE(segment) assert(left[segment] < SLOTS)

proctype putter(byte n) {
  byte t, in;
again:
  if
  :: n == 0 -> goto done
  :: else
  fi;
#ifdef BAD_SEGMENT_READ_FIRST
  in = tail_in;
  t = tail;
#else
  t = tail;
  in = tail_in;
#endif
  if
  :: t % SPAN == SLOTS -> tail != t; goto again
  :: else
  fi;
  atomic { /* S1 */
    if
    :: tail == t -> assert(in == t / SPAN); tail = t + 1
    :: else -> goto again
    fi
  };
  if
  :: t % SPAN + 1 == SLOTS ->
#ifdef BAD_INDEX_FIRST
    tail++;
    tail_in = in + 1;
#else
    tail_in = in + 1; /* M1 */
    tail++;           /* M2 */
#endif
    atomic { ALIVE(in); linked[in] = true }
  :: else
  fi;
  atomic { ALIVE(in); published[t] = true }; /* S2 */
  n--;
  goto again;
done:
  skip
}

proctype getter(byte n) {
  byte h, t, in;
again:
  if
  :: n == 0 -> goto done
  :: else
  fi;
#ifdef BAD_TAIL_BEFORE_HEAD
  t = tail;
#endif
  h = head;
  in = head_in;
  if
  :: h < at_once -> /* no look at the real tail */
    atomic { /* G1 */
      if
      :: head == h ->
        assert(in == h / SPAN && h % SPAN + 1 < SLOTS && h + 1 < WHOLE(tail));
        head = h + 1
      :: else -> goto again
      fi
    };
    goto claimed
  :: else
  fi;
  if
  :: h % SPAN == SLOTS -> head != h; goto again
  :: else
  fi;
  atomic {
#ifndef BAD_TAIL_BEFORE_HEAD
    t = tail;
#endif
    if
    :: WHOLE(t) == h -> assert(WHOLE(head) == WHOLE(tail)); goto done /* no false empty */
    :: else
    fi
  };
  atomic { /* G1 */
    if
    :: head == h -> assert(in == h / SPAN && h < tail); head = h + 1
    :: else -> goto again
    fi
  };
#ifdef BAD_SAID_BEFORE_THE_MOVE
  SAY(WHOLE(h + 1), WHOLE(t));
#endif
  if
  :: h % SPAN + 1 == SLOTS ->
#ifndef BAD_LINK_NOT_AWAITED
    linked[in];
#endif
    atomic { ALIVE(in); assert(linked[in]) };
#ifdef BAD_HEAD_INDEX_FIRST
    head++;
    head_in = in + 1;
#else
    head_in = in + 1; /* M3 */
    head++;           /* M4 */
#endif
  :: else
  fi;
#ifndef BAD_SAID_BEFORE_THE_MOVE
  SAY(WHOLE(h + 1), WHOLE(t));
#endif
claimed:
  published[h];
  atomic { ALIVE(in); left[in]++ }; /* D2 */
  n--;
  goto again;
done:
  skip
}

init {
  atomic {
    byte i = 0;
    do
    :: i < PUTTERS -> run putter(PUTS); i++
    :: else -> break
    od;
    i = 0;
    do
    :: i < GETTERS -> run getter(GETS); i++
    :: else -> break
    od;
    i = 0
  }
}
