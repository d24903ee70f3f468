// Everyone asleep: when no fiber of a `run` can ever go on, the program ends with a report of who waits
// for what. A handler can take the report instead, and even resolve what it says.
#include <iostream>
#include <sluice/sluice.hpp>
#include <string>
#include <string_view>

int main() {
  // Each of the two waits for what the other would put next.
  const sluice::channel<int> red{1, {.name = "red"}};
  const sluice::channel<int> blue{1, {.name = "blue"}};

  sluice::runtime rt{{.workers = 2, .on_deadlock = [&](std::string_view report) {
                        std::cout << "everyone is asleep\n";
                        for (const char* name : {"\"red\"", "\"blue\""}) {
                          if (report.find(name) == std::string_view::npos) continue;
                          std::cout << "somebody waits for " << name << '\n';
                        }
                        red.close();  // or let the default print it all and abort
                      }}};
  rt.run([&] {
    const auto pass_on = [](const sluice::channel<int>& from, const sluice::channel<int>& to) {
      const sluice::close_on_exit done{to};
      for (const int item : from) to << item;
    };
    auto one = sluice::go({.name = "red to blue"}, pass_on, red, blue);
    auto two = sluice::go({.name = "blue to red"}, pass_on, blue, red);
    one.join();
    two.join();
  });
  std::cout << "both have ended\n";
}
