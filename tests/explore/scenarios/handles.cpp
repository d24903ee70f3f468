// The last sender, the last receiver, the last handle: who comes last closes, discards, deletes.
#include "sluice/handles.hpp"
#include "explore.hpp"

namespace sluice::explore {
namespace {

/// True: it was accepted.
template <class Handle>
bool put(const Handle& to, int number) {
  try {
    to.put(item(number));
    return true;
  } catch (const channel_closed&) {
    return false;
  }
}

template <class Capacity>
void last_sender_closes(Capacity capacity) {
  auto [tx, rx] = make_channel<item>(capacity);
  sender<item> second = tx;
  int got = 0;
  strands(
      [mine = std::move(tx)]() mutable {
        const sender<item> here = std::move(mine);
        put(here, 1);
      },
      [mine = std::move(second)]() mutable {
        const sender<item> here = std::move(mine);
        put(here, 2);
      },
      [mine = std::move(rx), &got]() mutable {
        const receiver<item> here = std::move(mine);
        item one(9);
        while (here >> one) ++got;
      });
  check(got == 2, "the end comes after all items");
}

template <class Capacity>
void last_receiver_discards(Capacity capacity) {
  auto [tx, rx] = make_channel<item>(capacity);
  receiver<item> second = rx;
  int accepted = 0;
  int got = 0;
  strands(
      [mine = std::move(tx), &accepted]() mutable {
        const sender<item> here = std::move(mine);
        for (int i = 1; i <= 2; ++i) accepted += put(here, i);
      },
      [mine = std::move(rx)]() mutable { const receiver<item> here = std::move(mine); },
      [mine = std::move(second), &got]() mutable {
        const receiver<item> here = std::move(mine);
        got += here.try_get().has_value();
      });
  check(got <= accepted, "only what was accepted comes out");
}

/// Whoever is told of the end sees what all of the other side did before they left.
template <class Capacity>
void notes_of_senders(Capacity capacity) {
  auto [tx, rx] = make_channel<item>(capacity);
  sender<item> second = tx;
  int notes[2] = {};
  strands(
      [mine = std::move(tx), &notes]() mutable {
        const sender<item> here = std::move(mine);
        notes[0] = 1;
      },
      [mine = std::move(second), &notes]() mutable {
        const sender<item> here = std::move(mine);
        notes[1] = 1;
      },
      [mine = std::move(rx), &notes]() mutable {
        const receiver<item> here = std::move(mine);
        item one(9);
        check(!(here >> one), "nobody put anything");
        check(notes[0] + notes[1] == 2, "the notes are older than the end");
      });
}

template <class Capacity>
void notes_of_receivers(Capacity capacity) {
  auto [tx, rx] = make_channel<item>(capacity);
  receiver<item> second = rx;
  int notes[2] = {};
  strands(
      [mine = std::move(rx), &notes]() mutable {
        const receiver<item> here = std::move(mine);
        notes[0] = 1;
      },
      [mine = std::move(second), &notes]() mutable {
        const receiver<item> here = std::move(mine);
        notes[1] = 1;
      },
      [mine = std::move(tx), &notes]() mutable {
        const sender<item> here = std::move(mine);
        int number = 0;
        while (number < 3 && put(here, ++number)) {
        }
        if (number < 3) check(notes[0] + notes[1] == 2, "the notes are older than the end");
      });
}

template <class Capacity>
void last_handle_deletes(Capacity capacity) {
  channel<item> first(capacity);
  channel<item> second = first;
  strands(
      [mine = std::move(first)]() mutable {
        const channel<item> here = std::move(mine);
        static_cast<void>(here.try_put(item(1)));
      },
      [mine = std::move(second)]() mutable {
        const channel<item> here = std::move(mine);
        here.close();
      });
}

}  // namespace

scenarios handle_scenarios() {
  return {
      {"handles: the last sender closes, capacity 1", call<with<last_sender_closes<int>, 1>>},
      {"handles: the last sender closes, unbounded",
       call<with<last_sender_closes<unbounded_t>, unbounded>>},
      {"handles: the last sender closes, rendezvous",
       call<with<last_sender_closes<rendezvous_t>, rendezvous>>},
      {"handles: the last receiver discards, capacity 1",
       call<with<last_receiver_discards<int>, 1>>},
      {"handles: the last receiver discards, unbounded",
       call<with<last_receiver_discards<unbounded_t>, unbounded>>},
      {"handles: the last receiver discards, rendezvous",
       call<with<last_receiver_discards<rendezvous_t>, rendezvous>>},
      {"handles: notes of senders, capacity 1", call<with<notes_of_senders<int>, 1>>},
      {"handles: notes of senders, rendezvous",
       call<with<notes_of_senders<rendezvous_t>, rendezvous>>},
      {"handles: notes of receivers, capacity 1", call<with<notes_of_receivers<int>, 1>>},
      {"handles: notes of receivers, rendezvous",
       call<with<notes_of_receivers<rendezvous_t>, rendezvous>>},
      {"handles: the last handle deletes, capacity 1", call<with<last_handle_deletes<int>, 1>>},
      {"handles: the last handle deletes, unbounded",
       call<with<last_handle_deletes<unbounded_t>, unbounded>>},
  };
}

}  // namespace sluice::explore
