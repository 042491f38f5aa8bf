import Glibc

/// A number from the environment: for the long form of a test that is short without.
package func environmentNumber<Number: LosslessStringConvertible>(_ name: String, else number: Number)
    -> Number
{
    getenv(name).flatMap { Number(String(cString: $0)) } ?? number
}
