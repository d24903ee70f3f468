// Handles that go while others work: the channel ends once, and each item is destroyed once.
#include <doctest/doctest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "../support/items.hpp"
#include "../support/rest.hpp"
#include "../support/shapes.hpp"
#include "../support/strands.hpp"
#include "sluice/handles.hpp"

namespace {

using sluice::channel;
using sluice::receiver;
using sluice::sender;
using test::counted;
using test::number;
using test::shape;
using test::strands;

constexpr int rounds = test::slowness > 1 ? 10 : 40;

/// The channels of every other round, which live until all strands have ended. Those of the others
/// go with their last user.
class kept {
 public:
  void add(const channel<counted>& ch, int round) {
    if (round % 2 == 0) all_.push_back(ch);
  }
  void check_nobody_waits() const {
    for (const auto& ch : all_) test::check_nobody_waits(ch);
  }
  void check_at_rest() const {
    for (const auto& ch : all_) test::check_at_rest(ch);
  }

 private:
  std::vector<channel<counted>> all_;
};

}  // namespace

TEST_CASE("the last of many senders closes, after all that was put") {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    std::optional<kept> some(std::in_place);
    for (int round = 0; round < rounds; ++round) {
      test::progress();
      std::optional<channel<counted>> ch(what.make<counted>());
      some->add(*ch, round);
      const receiver<counted> rx(*ch);
      {
        const sender<counted> tx(*ch);
        ch.reset();
        for (int i = 0; i < 4; ++i) {
          crowd.start([tx] { tx << counted(1) << counted(1); });
        }
      }
      int got = 0;
      for ([[maybe_unused]] const counted& item : rx) ++got;
      CHECK(got == 8);
      CHECK(rx.drained());
    }
    crowd.join();
    some->check_at_rest();
    some.reset();
    CHECK(counted::alive() == 0);
  });
  CHECK(counted::misuses() == 0);
}

TEST_CASE("the last of many receivers closes while others put, and what is left is destroyed") {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    for (int round = 0; round < rounds; ++round) {
      test::progress();
      std::optional<kept> some(std::in_place);
      {
        const channel<counted> ch = what.make<counted>();
        some->add(ch, round);
        const sender<counted> tx(ch);
        for (int i = 0; i < 3; ++i) {
          crowd.start([tx, most = what.is_unbounded() ? 200 : 2000] {
            try {
              for (int left = most; left > 0; --left) tx << counted(1);
            } catch (const sluice::channel_closed&) {
            }
          });
        }
        const receiver<counted> rx(ch);
        for (int i = 0; i < 2; ++i) {
          crowd.start([rx, n = round % 20 + i]() mutable {
            for (int left = n; left > 0; --left) rx.get();
            const receiver<counted> gone = std::move(rx);
          });
        }
        for (int i = 0; i < round % 3; ++i) rx.get();
      }
      crowd.join();
      some->check_nobody_waits();
      some.reset();
      CHECK(counted::alive() == 0);
    }
  });
  CHECK(counted::misuses() == 0);
}

TEST_CASE("a getter may drop the channel right after its last get, and a putter after its put") {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    std::optional<kept> some(std::in_place);
    for (int round = 0; round < rounds; ++round) {
      test::progress();
      channel<counted> ch = what.make<counted>();
      some->add(ch, round);
      crowd.start([ch]() mutable {
        ch.put(counted(1));
        const channel<counted> gone = std::move(ch);
      });
      CHECK(ch.get().value() == 1);
      ch = channel<counted>(1);  // the putter may still be on its way out of the old one
    }
    crowd.join();
    some->check_at_rest();
    some.reset();
    CHECK(counted::alive() == 0);
  });
  CHECK(counted::misuses() == 0);
}

TEST_CASE("channels that are sent through channels live as long as they are needed") {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    using answer = channel<number>;
    const channel<answer> requests = what.make<answer>();
    for (int i = 0; i < 2; ++i) {
      crowd.start([requests] {
        number next = 0;
        for (answer& to : requests) {
          to << next++;
          to.close();
        }
      });
    }
    std::atomic<int> clients{3};
    for (int client = 0; client < 3; ++client) {
      crowd.start([requests, client, &clients] {
        for (int i = 0; i < rounds; ++i) {
          answer mine(1);
          if (client == 0) mine = answer(sluice::rendezvous);
          requests << mine;
          CHECK(mine.get() >= 0);
          CHECK_THROWS_AS(mine.get(), sluice::channel_closed);
        }
        if (--clients == 0) requests.close();
      });
    }
    crowd.join();
    test::check_at_rest(requests);
  });
}

TEST_CASE("an iterator that outlives all handles still ends") {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    std::optional<kept> some(std::in_place);
    for (int round = 0; round < rounds; ++round) {
      test::progress();
      std::optional<channel<counted>> ch(what.make<counted>());
      some->add(*ch, round);
      crowd.start([it = ch->begin()]() mutable {
        int seen = 0;
        for (; it != std::default_sentinel; ++it) seen += static_cast<int>(it->value());
        CHECK(seen == 2);
      });
      sender<counted> tx(*ch);
      ch.reset();
      tx << counted(1) << counted(1);
    }
    crowd.join();
    some->check_at_rest();
    some.reset();
    CHECK(counted::alive() == 0);
  });
  CHECK(counted::misuses() == 0);
}
