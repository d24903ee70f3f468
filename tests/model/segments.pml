/* A segment of the unbounded queue is recycled exactly once, when nobody is inside any more.
 *
 * Each slot: a putter claims it (S1), moves its item in and publishes it (S2). A getter may claim
 * it before that (G1), waits for the item, takes it, and then (D2) says `taken`. The getter of the
 * last slot walks the others (D1): a slot that is not taken yet gets `walked` (D3), and its getter,
 * which finds that, goes on with the walk. The one who reaches the end recycles.
 *
 * `published` is a word of its own, or is set by an RMW: a plain store of it into the word that
 * carries `walked` too (BAD_PUBLISH_OVERWRITES) wipes the walk out, and the segment leaks.
 */
#ifndef SLOTS
#define SLOTS 3
#endif
#define LAST (SLOTS - 1)

bool published[SLOTS], taken[SLOTS], walked[SLOTS];
bool put_claimed[SLOTS], get_claimed[SLOTS];
byte recycled, done;

proctype putter(byte k) {
  atomic { /* S1, in order */
    k == 0 || put_claimed[k - 1];
    put_claimed[k] = true
  };
  atomic { /* S2 */
    assert(recycled == 0);
    published[k] = true;
#ifdef BAD_PUBLISH_OVERWRITES
    taken[k] = false;
    walked[k] = false
#endif
  }
}

proctype getter(byte k) {
  byte i;
  bool before;
  atomic { /* G1, in order */
    put_claimed[k] && (k == 0 || get_claimed[k - 1]);
    get_claimed[k] = true
  };
  published[k];
  if
  :: k == LAST -> i = 0
  :: else ->
#ifdef BAD_TAKE_NOT_RMW
    before = walked[k];
    atomic { assert(recycled == 0); taken[k] = true };
#else
    atomic { assert(recycled == 0); before = walked[k]; taken[k] = true }; /* D2 */
#endif
    i = k + 1;
    if
    :: !before -> goto out
    :: else
    fi
  fi;
  do /* D1 */
  :: i < LAST ->
    before = taken[i];
    if
    :: before
    :: else ->
#ifdef BAD_WALK_NOT_RMW
      walked[i] = true;
#else
      atomic { before = taken[i]; walked[i] = true }; /* D3 */
#endif
      if
      :: before
      :: else -> goto out
      fi
    fi;
    i++
  :: else -> break
  od;
  atomic { recycled++; assert(recycled == 1) };
out:
  atomic {
    done++;
    assert(done < SLOTS || recycled == 1)
  }
}

init {
  atomic {
    byte i = 0;
    do
    :: i < SLOTS -> run putter(i); run getter(i); i++
    :: else -> break
    od;
    i = 0
  }
}
