"""The program at headquarters: an officer reads, compares, decides; the public sees counts.

    serve     one hub on one data folder: the lock, the socket, the sign-in link
    app       the pages, each a small function
    signin    who is there: the only file that knows how people sign in
    guard     what every answer carries, and which requests are not for us
    review    the work itself, without HTTP: no log entry, no disclosure
    case      what an exhibit says, read from its ZIP

Nothing of a plate is sent before the officer has typed what they read (promise 4).
"""
