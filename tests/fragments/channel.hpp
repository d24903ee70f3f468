// What the fragments of docs/channel.md use.
#include <iostream>
#include <sluice/sluice.hpp>
#include <string>

void print(const std::string& line);
