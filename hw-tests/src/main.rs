mod failure;
mod deadline;
mod children;
mod led;
mod say;
fn main(){}
