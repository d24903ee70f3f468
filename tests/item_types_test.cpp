// Items whose types have operators and constructors of their own: no way through a channel may trip
// over them.
#include <doctest/doctest.h>

#include <chrono>
#include <cstddef>
#include <type_traits>
#include <utility>
#include <vector>

#include "sluice/channel.hpp"
#include "sluice/select.hpp"
#include "sluice/selector.hpp"
#include "sluice/status.hpp"
#include "support/items.hpp"
#include "support/shapes.hpp"
#include "support/strands.hpp"

namespace {

using sluice::channel;
using sluice::status;
using test::shape;
using test::strands;
using namespace std::chrono_literals;

/// Its address is not what `&` says, nor is its comma one.
struct thorny {
  int n;
  thorny* operator&() const = delete;
  template <class U>
  void operator,(U&&) const = delete;
};

/// Can be made of anything, and tells what it was made of.
struct greedy {
  int n = 0;
  greedy() = default;
  explicit greedy(int number) noexcept : n(number) {}
  template <class U>
  requires(!std::is_base_of_v<greedy, std::remove_cvref_t<U>>) greedy(U&&)
  noexcept : n(-1) {}
};

template <class T>
struct of;
template <>
struct of<thorny> {
  static thorny make(int n) { return thorny{n}; }
  static int number(const thorny& item) { return item.n; }
};
template <>
struct of<greedy> {
  static greedy make(int n) { return greedy(n); }
  static int number(const greedy& item) { return item.n; }
};
template <>
struct of<status> {
  static status make(int n) { return static_cast<status>(n % 5); }
  static int number(status item) { return static_cast<int>(item); }
};

}  // namespace

TEST_CASE_TEMPLATE("items with operators and constructors of their own pass every way", T, thorny,
                   greedy, status) {
  const auto make = &of<T>::make;
  const auto number = [](auto&& item) { return of<T>::number(item); };

  const channel<T> ch{8};
  for (int i = 0; i < 4; ++i) ch.put(make(i));
  CHECK(number(ch.get()) == 0);
  CHECK(number(ch.try_get().value()) == 1);
  CHECK(number(*ch.get_for(0s)) == 2);
  T item = make(4);
  CHECK((ch >> item));
  CHECK(number(item) == 3);
  CHECK(ch.try_get().status() == status::empty);

  CHECK(ch.put_batch(std::vector<T>(3, make(4))) == 3);
  const std::vector<T> batch = ch.get_batch(9);
  CHECK(batch.size() == 3);
  for (const T& one : batch) CHECK(number(one) == 4);

  int seen = -1;
  ch << item;
  sluice::select(sluice::on_get(ch, [&](T got) { seen = number(got); }));
  CHECK(seen == 3);
  sluice::selector again;
  again.on_put(ch, make(2));
  again.on_get(ch, [&](sluice::result<T> got) { seen = number(*got); });
  CHECK(again.wait() == 0);
  CHECK(again.wait() == 1);
  CHECK(seen == 2);
}

TEST_CASE_TEMPLATE("such items pass between strands that wait, in every kind of channel", T, thorny,
                   greedy, status) {
  test::everywhere_with_shapes([](strands& crowd, const shape& what) {
    const channel<T> ch = what.make<T>();
    crowd.start([ch] {
      for (int i = 0; i < 100; ++i) ch.put(of<T>::make(i % 5));
      ch.close();
    });
    int next = 0;
    for (const T& item : ch) CHECK(of<T>::number(item) == next++ % 5);
    CHECK(next == 100);
  });
}
