// What a dump says of channels that have a name: what was put, got and waited for, and the peak.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <optional>
#include <sstream>
#include <streambuf>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "sluice/sluice.hpp"
#include "support/dumps.hpp"
#include "support/one_worker.hpp"
#include "support/parked.hpp"
#include "support/strands.hpp"
#include "support/watch.hpp"

namespace {

using namespace std::chrono_literals;
using sluice::channel;
using sluice::runtime;
using steady = std::chrono::steady_clock;
using test::channel_line;
using test::dump_of;
using test::has;
using test::lines_of;
using test::number_before;

}  // namespace

TEST_CASE("a dump counts what was put, got and waited for in a bounded channel") {
  const runtime rt{{.workers = 1}};
  const channel<int> ch{4, {.name = "boxes"}};
  CHECK(channel_line(rt, "boxes") ==
        "  channel \"boxes\" (0 of 4): 0 put, 0 got, waited 0 times to put and 0 times to get, at "
        "most 0 inside");
  ch.put(1);
  CHECK(ch.try_put(2) == sluice::status::ok);
  CHECK(ch.get() == 1);
  CHECK(has(channel_line(rt, "boxes"), "(1 of 4): 2 put, 1 got, "));
  CHECK(has(channel_line(rt, "boxes"), "at most 2 inside"));
  CHECK(ch.put_batch(std::vector{3, 4, 5}) == 3);
  CHECK(ch.try_put(6) == sluice::status::full);
  CHECK(ch.put_for(6, 0s) == sluice::status::timed_out);
  CHECK(channel_line(rt, "boxes") ==
        "  channel \"boxes\" (4 of 4): 5 put, 1 got, waited 1 times to put and 0 times to get, at "
        "most 4 inside");
  int item = 0;
  CHECK(static_cast<bool>(ch >> item));
  CHECK(ch.try_get().value() == 3);
  CHECK(ch.get_batch(5).size() == 2);
  CHECK_FALSE(ch.try_get());
  CHECK_FALSE(ch.get_for(0s));
  CHECK_FALSE(ch.get_until(steady::now()));
  ch << 7;
  ch.close();
  for (const int each : ch) CHECK(each == 7);
  CHECK(channel_line(rt, "boxes") ==
        "  channel \"boxes\" (0 of 4): 6 put, 6 got, waited 1 times to put and 2 times to get, at "
        "most 4 inside, closed");
}

TEST_CASE("the counts of a bounded channel go on over many laps, whatever its capacity") {
  const runtime rt{{.workers = 1}};
  for (const int capacity : {1, 2, 3, 7, 8, 1000}) {
    CAPTURE(capacity);
    const channel<int> ch{capacity, {.name = "laps"}};
    for (int i = 0; i < 2'500; ++i) {
      ch.put(i);
      if (i % 5 != 0 || capacity == 1) ch.get();
      if (ch.full()) CHECK(ch.get_batch(2'000).size() == static_cast<std::size_t>(capacity));
    }
    const std::string line = channel_line(rt, "laps");
    CHECK(number_before(line, "put,") == 2'500);
    CHECK(number_before(line, "got,") == 2'500 - ch.size());
  }
}

TEST_CASE("a dump counts what was put, got and waited for in an unbounded channel") {
  const runtime rt{{.workers = 1}};
  const channel<int> ch{sluice::unbounded, {.name = "words"}};
  CHECK_FALSE(ch.get_for(0s));
  for (int i = 0; i < 200; ++i) ch.put(i);
  for (int i = 0; i < 130; ++i) CHECK(ch.get() == i);
  CHECK(ch.put_batch(std::vector<int>(60)) == 60);
  CHECK(ch.try_get_batch(10).size() == 10);
  CHECK(channel_line(rt, "words") ==
        "  channel \"words\" (120): 260 put, 140 got, waited 0 times to put and 1 times to get, at "
        "most 200 inside");
}

TEST_CASE("a dump counts the meetings of a rendezvous channel, and who waited for whom") {
  test::on_one_worker([] {
    const runtime rt{{.workers = 1}};
    const channel<int> ch{sluice::rendezvous, {.name = "hands"}};
    CHECK(ch.try_put(1) == sluice::status::full);
    CHECK_FALSE(ch.try_get());
    CHECK(channel_line(rt, "hands") ==
          "  channel \"hands\" (rendezvous): 0 put, 0 got, waited 0 times to put and 0 times to "
          "get");
    auto getter = test::begin([ch] {
      CHECK(ch.get() == 1);
      CHECK(ch.get() == 2);
    });
    CHECK(ch.try_put(1) == sluice::status::ok);
    CHECK(ch.try_put(2) == sluice::status::full);  // it has not gone on yet
    ch.put(2);                                     // which lets it
    getter.join();
    CHECK(
        has(channel_line(rt, "hands"), ": 2 put, 2 got, waited 1 times to put and 1 times to get"));
    auto putter = test::begin([ch] { ch.put_batch(std::vector{3, 4}); });
    CHECK(ch.get() == 3);
    CHECK(ch.get() == 4);
    putter.join();
    CHECK(
        has(channel_line(rt, "hands"), ": 4 put, 4 got, waited 2 times to put and 2 times to get"));
    CHECK(ch.put_for(5, 0s) == sluice::status::timed_out);
    ch.close();
    CHECK(has(channel_line(rt, "hands"),
              ": 4 put, 4 got, waited 3 times to put and 2 times to get, closed"));
  });
}

TEST_CASE("a select counts as a wait in each channel that it waits in, and as the one operation") {
  test::on_one_worker([] {
    const runtime rt{{.workers = 1}};
    const channel<int> in{1, {.name = "in"}};
    const channel<int> out{1, {.name = "out"}};
    const channel<int> meet{sluice::rendezvous, {.name = "meet"}};
    out.put(0);
    auto chooser = test::begin([&] {
      for (int i = 0; i < 2; ++i) {
        sluice::select(on_get(in, [](int) {}), on_put(out, 1, [] {}), on_get(meet, [](int) {}));
      }
    });
    in.put(1);
    sluice::this_fiber::yield();
    CHECK(has(channel_line(rt, "in"), "1 put, 1 got, waited 0 times to put and 2 times to get"));
    CHECK(has(channel_line(rt, "out"), "1 put, 0 got, waited 2 times to put and 0 times to get"));
    CHECK(has(channel_line(rt, "meet"), "0 put, 0 got, waited 0 times to put and 2 times to get"));
    sluice::select(on_put(meet, 1));
    chooser.join();
    CHECK(has(channel_line(rt, "in"), "1 put, 1 got, waited 0 times to put and 2 times to get"));
    CHECK(has(channel_line(rt, "out"), "1 put, 0 got, waited 2 times to put and 0 times to get"));
    CHECK(has(channel_line(rt, "meet"), "1 put, 1 got, waited 0 times to put and 2 times to get"));
  });
}

TEST_CASE("the peak is what was inside at most, not what is") {
  const runtime rt{{.workers = 1}};
  const channel<int> ch{8, {.name = "tide"}};
  for (int i = 0; i < 3; ++i) ch.put(i);
  CHECK(ch.get_batch(8).size() == 3);
  ch.put(1);
  CHECK(has(channel_line(rt, "tide"), "(1 of 8)"));
  CHECK(has(channel_line(rt, "tide"), "at most 3 inside"));
}

TEST_CASE("what the end of the last receiver destroys was not got") {
  const runtime rt{{.workers = 1}};
  auto [tx, rx] = sluice::make_channel<int>(4, {.name = "orphans"});
  CHECK(tx.put_batch(std::vector{1, 2, 3}) == 3);
  CHECK(rx.get() == 1);
  { const auto gone = std::move(rx); }
  CHECK(has(channel_line(rt, "orphans"), "(0 of 4): 3 put, 1 got, "));
  CHECK(channel_line(rt, "orphans").ends_with(", closed"));
}

TEST_CASE("the counts are right when many strands put and get") {
  test::everywhere_with_shapes([](test::strands& crowd, const test::shape& what) {
    constexpr int items = 300 / test::slowness;
    constexpr std::size_t pairs = 3;
    const runtime other{{.workers = 1}};  // whoever asks need not own the channel
    const auto ch = what.make<int>("crowded");
    for (std::size_t i = 0; i < pairs; ++i) {
      crowd.start([ch] {
        for (int k = 0; k < items; ++k) ch.put(k);
      });
      crowd.start([ch] {
        for (int k = 0; k < items; ++k) ch.get();
      });
    }
    crowd.join();
    const std::string line = channel_line(other, "crowded");
    CAPTURE(line);
    CHECK(number_before(line, "put,") == pairs * items);
    CHECK(number_before(line, "got,") == pairs * items);
    if (what.is_rendezvous()) {
      // In each meeting one of the two has waited.
      CHECK(number_before(line, "times to put") + number_before(line, "times to get") ==
            pairs * items);
    } else {
      CHECK(number_before(line, "inside") <= what.room(pairs * items));
      if (number_before(line, "times to put") != 0) {
        CHECK(number_before(line, "inside") == what.room());
      }
    }
  });
}

TEST_CASE("channels are listed while they live, if they have a name, in the order of their birth") {
  const runtime rt{{.workers = 1}};
  CHECK(lines_of(rt, "  channel").empty());
  const channel<int> unnamed{1};
  std::optional<channel<int>> first(std::in_place, 1, sluice::channel_options{.name = "first"});
  const channel<int> second{sluice::rendezvous, {.name = "second"}};
  const auto third = sluice::make_channel<int>(sluice::unbounded, {.name = "third"});
  const auto alarm = sluice::after(1h);
  auto lines = lines_of(rt, "  channel");
  REQUIRE(lines.size() == 3);
  CHECK(has(lines[0], "\"first\""));
  CHECK(has(lines[1], "\"second\""));
  CHECK(has(lines[2], "\"third\""));
  const channel<int> copy = *first;
  first.reset();
  CHECK(lines_of(rt, "  channel").size() == 3);
  { const channel<int> gone = std::move(const_cast<channel<int>&>(copy)); }
  lines = lines_of(rt, "  channel");
  REQUIRE(lines.size() == 2);
  CHECK(has(lines[0], "\"second\""));
}

TEST_CASE("a dump shows every channel that stays, once, while others come and go") {
  const runtime rt{{.workers = 1}};
  std::vector<channel<int>> stay;
  std::atomic<bool> over{false};
  std::vector<std::thread> churns;
  for (int t = 0; t < 2; ++t) {
    churns.emplace_back([&over] {
      while (!over) {
        std::vector<channel<int>> some;
        for (int i = 0; i < 40; ++i) some.emplace_back(1, sluice::channel_options{.name = "moves"});
      }
    });
  }
  std::vector<std::string> names;
  for (int i = 0; i < 150; ++i) {
    names.push_back("stays " + std::to_string(i) + ';');
    stay.emplace_back(1, sluice::channel_options{.name = names.back()});
  }
  for (int round = 0; round < 100 / test::slowness; ++round) {
    test::progress();
    const auto lines = lines_of(rt, "  channel \"stays");
    REQUIRE(lines.size() == names.size());
    for (std::size_t i = 0; i < names.size(); ++i) CHECK(has(lines[i], names[i]));
  }
  over = true;
  for (auto& churn : churns) churn.join();
}

TEST_CASE("a dump may go to a stream that uses channels and dumps itself") {
  struct curious final : std::streambuf {
    explicit curious(const runtime& of) : rt(of) {}
    int overflow(int c) override {
      const channel<int> fresh{1, {.name = "inside the stream"}};
      fresh.put(c);
      return fresh.get();
    }
    std::streamsize xsputn(const char* text, std::streamsize n) override {
      overflow(*text);
      if (!asking) {
        asking = true;
        said = dump_of(rt);
        asking = false;
      }
      return n;
    }
    const runtime& rt;
    bool asking = false;
    std::string said;
  };
  runtime rt{{.workers = 1}};
  const channel<int> ch{1, {.name = "outside"}};
  auto waits = rt.go([ch] { ch.get(); });
  test::await_waiting(rt, "get");
  curious buffer(rt);
  std::ostream out(&buffer);
  rt.dump(out);
  CHECK(out.good());
  CHECK(has(buffer.said, "\"outside\" (0 of 1)"));
  ch.put(1);
  waits.join();
}

TEST_CASE("a dump that ends by an exception of its stream leaves everything as it was") {
  struct short_file final : std::streambuf {
    explicit short_file(std::streamsize size) : left(size) {}
    int overflow(int c) override {
      const char one = static_cast<char>(c);
      return xsputn(&one, 1) == 1 ? c : traits_type::eof();
    }
    std::streamsize xsputn(const char*, std::streamsize n) override {
      if (left < n) return 0;
      left -= n;
      return n;
    }
    std::streamsize left;
  };
  runtime rt{{.workers = 1}};
  const channel<int> ch{1, {.name = "whole"}};
  auto waits = rt.go([ch] { ch.get(); });
  test::await_waiting(rt, "get");
  bool ended = true;
  for (std::streamsize size = 0; ended; size += 20) {
    short_file file(size);
    std::ostream out(&file);
    out.exceptions(std::ios::badbit);
    try {
      rt.dump(out);
      ended = false;
    } catch (const std::ios::failure&) {
    }
    CHECK(has(channel_line(rt, "whole"), "(0 of 1): 0 put"));
    CHECK(lines_of(rt, "  fiber ").size() == 1);
  }
  ch.put(1);
  waits.join();
}
