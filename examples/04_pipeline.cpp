// A pipeline of three stages. Each closes its output when its input has ended, so one close at
// the top runs down to the bottom: nobody needs to be told how many items there are.
#include <iostream>
#include <sluice/sluice.hpp>
#include <sstream>
#include <string>

namespace {

/// Stage 1: text into words.
void split(std::string text, sluice::channel<std::string> words) {
  sluice::close_on_exit done{words};
  std::istringstream in(text);
  for (std::string word; in >> word;) words << word;
}

/// Stage 2: words into their lengths. Long words are left out.
void measure(sluice::channel<std::string> words, sluice::channel<std::size_t> lengths) {
  sluice::close_on_exit done{lengths};
  for (const auto& word : words) {
    if (word.size() < 8) lengths << word.size();
  }
}

/// Stage 3: adds up, and returns the result through its task.
std::size_t add_up(sluice::channel<std::size_t> lengths) {
  std::size_t sum = 0;
  std::size_t length = 0;
  while (lengths >> length) {
    std::cout << "a word of " << length << '\n';
    sum += length;
  }
  return sum;
}

}  // namespace

int main() {
  sluice::channel<std::string> words{4};
  sluice::channel<std::size_t> lengths{4};

  auto first =
      sluice::go(split, std::string("channels close when their writers have finished"), words);
  auto second = sluice::go(measure, words, lengths);
  auto third = sluice::go(add_up, lengths);

  first.join();
  second.join();
  const std::size_t sum = third.join();
  std::cout << "letters in all: " << sum << '\n';
  std::cout << "both channels are drained: " << std::boolalpha
            << (words.drained() && lengths.drained()) << '\n';
}
