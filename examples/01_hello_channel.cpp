// Two strands and a channel between them. The channel ends when its writer closes it.
#include <iostream>
#include <sluice/sluice.hpp>
#include <string>

int main() {
  // At most two greetings wait; a third put waits until there is room.
  sluice::channel<std::string> greetings{2};

  auto writer = sluice::go([greetings] {
    sluice::close_on_exit done{greetings};  // the writer closes, also when it fails
    for (const char* name : {"Ada", "Grace", "Barbara"}) {
      greetings << "hello, " + std::string(name);
    }
  });

  // Every item that was accepted before the close, then the end.
  for (const auto& greeting : greetings) std::cout << greeting << '\n';
  writer.join();  // would throw here what escaped the writer
}
