// Where a dump says that a fiber was spawned: at the call in the user's code, whatever the door.
#include <dlfcn.h>
#include <doctest/doctest.h>
#include <link.h>

#include <cstdint>
#include <set>
#include <sstream>
#include <string>
#include <utility>

#include "sluice/sluice.hpp"
#include "support/strands.hpp"

/// All code of this section is that of the one function in it.
#define HERE [[gnu::noinline, gnu::section("spawns_here")]]
extern "C" const char __start_spawns_here[];
extern "C" const char __stop_spawns_here[];

namespace {

using sluice::channel;

/// Starts fibers that wait until `gate` closes, at nine places.
HERE void spawn_through_every_door(sluice::runtime& rt, const channel<int>& gate) {
  const auto waits = [](const channel<int>& end) { end.join(); };
  rt.go(waits, gate);
  rt.go({.name = "named"}, waits, gate);
  rt.run([&] {  // this body is another function, elsewhere; but the call stands here
    gate.join();
  });
}

HERE void spawn_as_a_fiber(const channel<int>& gate) {
  sluice::go([gate] { gate.join(); });
  sluice::go({.name = "named"}, [gate] { gate.join(); });
  sluice::scope all;
  all.go([gate] { gate.join(); });
  all.go({.name = "named"}, [gate] { gate.join(); });
  all.join();
}

struct place {
  std::string file;
  std::uintptr_t offset;
  bool operator<(const place& other) const { return offset < other.offset; }
};

/// All that the dump names as places of spawning.
std::multiset<place> places_in(const std::string& dump) {
  std::multiset<place> found;
  std::istringstream in(dump);
  const std::string words = "; spawned by ";
  for (std::string line; std::getline(in, line);) {
    const auto at = line.find(words);
    if (at == line.npos) continue;
    // FILE+OFFSET, or FUNCTION+OFFSET (FILE+OFFSET)
    std::string text = line.substr(at + words.size());
    if (text.ends_with(')')) text = text.substr(text.rfind('(') + 1);
    const auto plus = text.rfind("+0x");
    if (plus == text.npos) continue;
    found.insert({text.substr(0, plus), std::stoull(text.substr(plus + 1), nullptr, 16)});
  }
  return found;
}

std::string dump_of(const sluice::runtime& rt) {
  std::ostringstream text;
  rt.dump(text);
  return text.str();
}

/// Are these as many different places of the code above, in the file that it is in?
void check_places(const std::multiset<place>& found, std::size_t count) {
  Dl_info here{};
  void* module = nullptr;
  REQUIRE(::dladdr1(__start_spawns_here, &here, &module, RTLD_DL_LINKMAP) != 0);
  const std::string file = here.dli_fname;
  std::set<std::uintptr_t> different;
  for (const place& each : found) {
    const std::uintptr_t at = static_cast<link_map*>(module)->l_addr + each.offset;
    CHECK(at >= reinterpret_cast<std::uintptr_t>(__start_spawns_here));
    CHECK(at < reinterpret_cast<std::uintptr_t>(__stop_spawns_here));
    CHECK(file.ends_with('/' + each.file));
    different.insert(each.offset);
  }
  CHECK(found.size() == count);
  CHECK(different.size() == count);
}

}  // namespace

TEST_CASE("a dump names the place in the user's code where a runtime's fiber was spawned") {
  sluice::runtime rt{{.workers = 2}};
  const channel<int> gate{1};
  std::thread caller([&] { spawn_through_every_door(rt, gate); });
  test::await([&] { return test::joiners_waiting(gate) == 3; });
  check_places(places_in(dump_of(rt)), 3);
  gate.close();
  caller.join();
}

TEST_CASE("a dump names the place in the user's code where a fiber spawned another one") {
  sluice::runtime rt{{.workers = 2}};
  const channel<int> gate{1};
  rt.run([&] {
    auto spawner = sluice::go({.name = "spawner"}, [&] { spawn_as_a_fiber(gate); });
    test::await([&] { return test::joiners_waiting(gate) == 4; });
    auto found = places_in(dump_of(rt));
    // This fiber and the spawner were spawned elsewhere: by run and go of this function.
    const auto inside = [](const place& each) {
      Dl_info here{};
      void* module = nullptr;
      ::dladdr1(__start_spawns_here, &here, &module, RTLD_DL_LINKMAP);
      const std::uintptr_t at = static_cast<link_map*>(module)->l_addr + each.offset;
      return at >= reinterpret_cast<std::uintptr_t>(__start_spawns_here) &&
             at < reinterpret_cast<std::uintptr_t>(__stop_spawns_here);
    };
    CHECK(found.size() == 6);
    std::erase_if(found, [&](const place& each) { return !inside(each); });
    check_places(found, 4);
    gate.close();
    spawner.join();
  });
}
