// A small user of an installed sluice: sends numbers from a fiber to the main thread.
// Exits with 0 if they all arrive and header and library are of one version.
#include <sluice/sluice.hpp>

#include <iostream>
#include <stdexcept>

int main() {
  if (sluice::version() != SLUICE_VERSION_STRING) {
    std::cerr << "header " << SLUICE_VERSION_STRING << ", library " << sluice::version() << '\n';
    return 1;
  }
  const sluice::channel<int> numbers{4};
  auto producer = sluice::go([numbers] {
    const sluice::close_on_exit closing{numbers};
    for (int i = 1; i <= 100; ++i) numbers << i;
    return 100;
  });
  int sum = 0;
  for (const int number : numbers) sum += number;

  // An exception thrown in the library is caught by its type here.
  bool refused = false;
  try {
    numbers.put(1);
  } catch (const sluice::channel_closed&) {
    refused = true;
  }
  std::cout << "sum " << sum << '\n';
  return sum == 5050 && producer.join() == 100 && refused ? 0 : 1;
}
