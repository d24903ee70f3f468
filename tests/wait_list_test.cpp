// The lists of waiters: order of arrival, and leaving from any place.
#include "sluice/detail/park/wait_list.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <vector>

#include "support/watch.hpp"

namespace {

using sluice::detail::job;
using sluice::detail::job_list;
using sluice::detail::wait_list;
using sluice::detail::wait_node;
using sluice::detail::wait_ring;

std::vector<const wait_node*> forwards(const wait_list& list) {
  std::vector<const wait_node*> all;
  for (const wait_node* node = list.front(); node != nullptr; node = node->next) {
    all.push_back(node);
    CHECK(node->linked);
    CHECK((node->next == nullptr || node->next->prev == node));
  }
  return all;
}

}  // namespace

TEST_CASE("a list keeps the order of arrival") {
  wait_list list;
  CHECK(list.empty());
  CHECK(list.front() == nullptr);
  std::array<wait_node, 3> nodes;
  for (wait_node& node : nodes) list.push_back(node);
  CHECK(!list.empty());
  CHECK(forwards(list) == std::vector<const wait_node*>{&nodes[0], &nodes[1], &nodes[2]});
}

TEST_CASE("a node leaves from the front, the middle and the end, and may come again") {
  for (std::size_t leaves = 0; leaves < 3; ++leaves) {
    wait_list list;
    std::array<wait_node, 3> nodes;
    for (wait_node& node : nodes) list.push_back(node);
    list.remove(nodes[leaves]);
    CHECK(!nodes[leaves].linked);
    CHECK(forwards(list).size() == 2);
    list.push_back(nodes[leaves]);
    CHECK(forwards(list).size() == 3);
    CHECK(forwards(list).back() == &nodes[leaves]);
  }
}

TEST_CASE("the first leaves, one after the other, and the list can be used again") {
  wait_list list;
  std::array<wait_node, 3> nodes;
  for (wait_node& node : nodes) list.push_back(node);
  for (std::size_t left = nodes.size(); left > 0; --left) {
    wait_node& first = nodes[nodes.size() - left];
    CHECK(list.front() == &first);
    list.pop_front(first);
    CHECK(!first.linked);
    CHECK(forwards(list).size() == left - 1);
  }
  CHECK(list.empty());
  list.push_back(nodes[1]);
  list.push_back(nodes[0]);
  CHECK(forwards(list) == std::vector<const wait_node*>{&nodes[1], &nodes[0]});
}

TEST_CASE("a node that comes back to the front stands before all others") {
  wait_list list;
  std::array<wait_node, 3> nodes;
  list.push_front(nodes[0]);
  CHECK(forwards(list) == std::vector<const wait_node*>{&nodes[0]});
  list.push_back(nodes[1]);
  list.push_front(nodes[2]);
  CHECK(forwards(list) == std::vector<const wait_node*>{&nodes[2], &nodes[0], &nodes[1]});
  list.remove(nodes[2]);
  list.remove(nodes[1]);
  CHECK(forwards(list) == std::vector<const wait_node*>{&nodes[0]});
}

TEST_CASE("a list is empty again when the last node has left") {
  wait_list list;
  wait_node node;
  for (int i = 0; i < 3; ++i) {
    list.push_back(node);
    CHECK(list.front() == &node);
    list.remove(node);
    CHECK(list.empty());
  }
}

TEST_CASE("any sequence of arrivals and departures keeps the order") {
  wait_list list;
  std::array<wait_node, 20> nodes;
  std::vector<const wait_node*> expected;
  test::random any = test::random_for("wait list");
  for (int i = 0; i < 5000; ++i) {
    wait_node& node = nodes[any() % nodes.size()];
    if (node.linked) {
      list.remove(node);
      expected.erase(std::ranges::find(expected, &node));
    } else {
      list.push_back(node);
      expected.push_back(&node);
    }
    CHECK(forwards(list) == expected);
  }
}

TEST_CASE("a ring keeps the order through any sequence of arrivals and departures") {
  wait_ring ring;
  std::array<wait_node, 6> nodes;
  std::vector<const wait_node*> expected;
  test::random any = test::random_for("wait ring");
  for (int i = 0; i < 5000; ++i) {
    wait_node& node = nodes[any() % nodes.size()];
    if (node.linked) {
      ring.remove(node);
      CHECK(!node.linked);
      expected.erase(std::ranges::find(expected, &node));
    } else {
      ring.push_back(node);
      CHECK(node.linked);
      expected.push_back(&node);
    }
    CHECK((ring.front() == nullptr) == expected.empty());
    const wait_node* at = ring.front();
    for (const wait_node* each : expected) {
      CHECK(at == each);
      CHECK(at->next->prev == at);
      at = at->next;
    }
    CHECK(at == ring.front());
  }
}

TEST_CASE("jobs come out in their order, each with what is to do, and the list serves again") {
  job_list jobs;
  std::array<wait_node, 3> nodes;
  for (int round = 0; round < 3; ++round) {
    CHECK(jobs.empty());
    CHECK(jobs.pop_front() == nullptr);
    jobs.push_back(nodes[0], job::put);
    jobs.push_back(nodes[1], job::get);
    CHECK(jobs.pop_front() == &nodes[0]);
    jobs.push_back(nodes[2], job::none);
    CHECK(jobs.pop_front() == &nodes[1]);
    CHECK(jobs.pop_front() == &nodes[2]);
    CHECK(nodes[0].todo == job::put);
    CHECK(nodes[1].todo == job::get);
    CHECK(nodes[2].todo == job::none);
  }
}
