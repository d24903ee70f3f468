// What the fragments of docs/select.md use.
#include <chrono>
#include <sluice/sluice.hpp>
#include <string>
#include <vector>

using namespace std::chrono_literals;

struct request {};
struct reply {};
struct message {};

void serve(request r);
void prepare_next();
void flush();
void add(int n);
void add(const std::string& word);
void handle(message m);

extern const sluice::channel<request> requests;
extern const sluice::channel<reply> replies;
extern const reply next_reply;
extern const sluice::channel<int> numbers;
extern const sluice::channel<std::string> words;
extern const std::vector<sluice::channel<message>> connections;
